"""Which interpreter the demo builds with, and which story that makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from envguard.cli.demo.story import Version, choose_story, interpreters, probe
from envguard.errors import UsageError
from tests.inventory.asking import python_or_skip


def versions(found: Mapping[str, Version]) -> Callable[[str], Version | None]:
    """A probe that knows these interpreters; any other cannot make an environment."""
    return found.get


@pytest.mark.parametrize("version", [(3, 10), (3, 11), (3, 12)], ids=str)
def test_a_python_with_wheels_of_numpy_1_tells_the_story_of_the_example_policy(version: Version) -> None:
    story = choose_story(["own"], version_of=versions({"own": version}))
    assert (story.python, story.version, story.notice) == ("own", version, None)
    assert story.policy.filename == "rl-team.yaml"
    assert story.policy.lock_text is not None


def test_such_a_python_is_preferred_to_a_newer_one_that_comes_first() -> None:
    known = versions({"own": (3, 13), "other": (3, 11)})
    assert choose_story(["own", "other"], version_of=known).python == "other"


def test_of_several_the_first_is_taken_and_no_other_asked() -> None:
    asked: list[str] = []

    def version_of(python: str) -> Version:
        asked.append(python)
        return 3, 10

    assert choose_story(["first", "second"], version_of=version_of).python == "first"
    assert asked == ["first"]


def test_with_only_newer_ones_the_first_tells_other_versions_and_says_why() -> None:
    known = versions({"own": (3, 13), "other": (3, 14)})
    story = choose_story(["own", "other"], version_of=known)
    assert story.python == "own"
    assert story.notice is not None
    assert story.notice.startswith("no wheels of numpy 1.26 for Python 3.13: ")
    assert "disable_env_checker=True" in story.script
    assert all("numpy>=2" in colleague.requirements for colleague in story.colleagues)


@pytest.mark.parametrize(
    "found", [{}, {"own": None}, {"own": (3, 9), "other": (2, 7)}], ids=["none", "no venv", "too old"]
)
def test_with_none_that_serves_the_way_on_is_said(found: dict[str, Version | None]) -> None:
    with pytest.raises(UsageError, match=r"needs a Python of 3\.10 or newer") as raised:
        choose_story(found, version_of=found.get)
    assert raised.value.hint is not None
    assert "--python" in raised.value.hint


def test_each_colleague_differs_from_the_agreement_in_one_package() -> None:
    for version in ((3, 11), (3, 13)):
        ann, bob, eve = choose_story(["own"], version_of=versions({"own": version})).colleagues
        assert [each.machine for each in (ann, bob, eve)] == ["ws-ann", "ws-bob", "ws-eve"]
        for other in (bob, eve):
            assert len(set(other.requirements) - set(ann.requirements)) == 1


@pytest.mark.parametrize("minor", ["2.7", "3.6", "3.10", "3.13"])
def test_a_probe_tells_the_version_of_what_can_make_an_environment(minor: str) -> None:
    major, _, rest = minor.partition(".")
    known = None if minor == "2.7" else (int(major), int(rest))
    assert probe(str(python_or_skip(minor))) == known


def test_a_probe_of_what_is_no_python_finds_none(tmp_path: Path) -> None:
    silent, wordy = tmp_path / "silent", tmp_path / "wordy"
    silent.write_text("#!/bin/sh\n")
    wordy.write_text("#!/bin/sh\necho many words\n")
    for each in (silent, wordy):
        each.chmod(0o755)
    assert [probe(str(each)) for each in (silent, wordy, tmp_path / "absent")] == [None, None, None]


def test_this_python_comes_first() -> None:
    first = next(interpreters())
    assert "/.venv/" not in first
    assert Path(first).exists()
