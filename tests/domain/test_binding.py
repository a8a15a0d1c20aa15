"""Which policy judges an environment."""

from __future__ import annotations

import pytest

from envguard.domain.binding import Bound, Conflict, Machine, Unbound, applies, bind, matches_path
from envguard.domain.environment import Project
from envguard.domain.policy import Selector
from tests.builders.documents import a_record

WS7 = Machine("ws-7", {"gpu": "", "team": "rl"})
EVERYTHING = (Selector(),)


def test_use_wins_over_the_marker_and_the_marker_over_applies_to() -> None:
    project = Project("/home/ann/rl", policy="by-marker")
    selectors = {"by-selector": EVERYTHING}
    assert bind(a_record(project=project, use="by-use"), WS7, selectors) == Bound("by-use", "use")
    assert bind(a_record(project=project), WS7, selectors) == Bound("by-marker", "marker")
    assert bind(a_record(), WS7, selectors) == Bound("by-selector", "applies-to")


def test_two_policies_from_one_source_are_a_conflict() -> None:
    found = bind(a_record(), WS7, {"b": EVERYTHING, "a": EVERYTHING})
    assert found == Conflict(("a", "b"), "applies-to")


def test_no_source_leaves_an_environment_unbound() -> None:
    assert bind(a_record(), WS7, {"rl-team": ()}) == Unbound()


@pytest.mark.parametrize(
    ("pattern", "is_match"),
    [
        ("*", True),
        ("~/rl/.venv", True),
        ("~/*/.venv", True),
        ("~/**/.venv", True),
        ("~/.venv", False),
        ("/home/*/.venv", False),
        ("/home/**", True),
    ],
)
def test_an_environment_is_named_by_its_path(pattern: str, is_match: bool) -> None:
    assert applies([Selector(environments=(pattern,))], a_record(), WS7) is is_match


@pytest.mark.parametrize("kind", ["system", "user", "pipx", "uv-tool", "uv-python"])
def test_what_nobody_made_for_a_project_must_be_named(kind: str) -> None:
    record = a_record(kind=kind)
    assert not applies(EVERYTHING, record, WS7)
    assert applies([Selector(environments=(record.path,))], record, WS7)


def test_an_environment_is_named_by_what_conda_or_jupyter_call_it() -> None:
    record = a_record(kind="conda", names=("conda:rl", "kernel:rl-gpu"))
    assert applies([Selector(environments=("conda:rl",))], record, WS7)
    assert applies([Selector(environments=("kernel:rl-*",))], record, WS7)
    assert not applies([Selector(environments=("conda:vision",))], record, WS7)


@pytest.mark.parametrize(
    ("pattern", "is_match"),
    [
        ("ws-*", True),
        ("ws-8", False),
        ("label:gpu", True),
        ("label:team=rl", True),
        ("label:team=vision", False),
        ("label:laptop", False),
    ],
)
def test_a_machine_is_named_by_its_name_or_a_label(pattern: str, is_match: bool) -> None:
    assert applies([Selector(machines=(pattern,))], a_record(), WS7) is is_match


def test_a_star_does_not_name_the_system_s_interpreter() -> None:
    system = a_record("/usr/bin/python3", kind="system")
    assert not applies([Selector()], system, WS7)
    assert applies([Selector(environments=("/usr/bin/*",))], system, WS7)


def test_one_star_stays_within_a_folder() -> None:
    assert not matches_path("/a/*", "/a/b/c")
    assert matches_path("/a/**", "/a/b/c")
