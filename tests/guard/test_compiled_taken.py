"""When the policy that was compiled into an environment is taken, and by whom."""

from __future__ import annotations

import os
from datetime import datetime, timezone

import pytest

from envguard.domain.policy import PolicySource
from envguard.state import KeptPolicy, add_policies, pulled_folder
from tests.builders.environments import install
from tests.guard.compiled import COMPLIANT, NO_COMMAND, POLICY, WHEELS, compiled, installed
from tests.guard.places import Place
from tests.guard.test_agents_file import last


def test_old_and_new_pythons_take_no_policy_of_a_newer_format(some_place: Place) -> None:
    path = compiled(installed(some_place))
    path.write_bytes(path.read_bytes().replace(b"envguard-policy 1", b"envguard-policy 2"))
    told = last(some_place)
    assert told.startswith("unknown None None the agent has no fresh verdict; " + NO_COMMAND)
    assert told.endswith("the compiled policy is newer than this guard understands")


def test_old_and_new_pythons_take_no_torn_policy(some_place: Place) -> None:
    install(some_place.env, gym="0.26.2")
    path = compiled(installed(some_place))
    content = path.read_bytes()
    for end in (len(content) - 1, len(content) // 2, 30):
        path.write_bytes(content[:end])
        assert "the compiled policy is torn" in last(some_place)


def test_old_and_new_pythons_take_no_policy_that_it_can_see_to_be_old(some_place: Place) -> None:
    install(some_place.env, gym="0.26.2")
    installed(some_place)
    source = some_place.project / "rl-team.yaml"
    status = source.stat()
    source.write_text(POLICY.replace("0.26.2", "0.26.3"))
    os.utime(source, ns=(status.st_atime_ns, status.st_mtime_ns))
    told = last(some_place)
    assert told.startswith("unknown None None ")
    assert told.endswith(
        f"{source} has changed since the policy was compiled: compile it again: envguard guard install"
    )
    source.write_text(POLICY)
    assert last(some_place) == COMPLIANT
    source.unlink()
    assert last(some_place) == COMPLIANT


def test_the_marker_of_the_project_chooses_and_another_folder_is_asked_for_none(place: Place) -> None:
    install(place.env, gym="0.26.2")
    (place.project / "pyproject.toml").write_text('[tool.envguard]\npolicy = "./rl-team.yaml"\n')
    installed(place, POLICY, "--policy", "./rl-team.yaml")
    assert last(place) == COMPLIANT
    (place.project / "pyproject.toml").write_text('[tool.envguard]\npolicy = "other"\n')
    assert "this folder may name another policy than the compiled `rl-team`" in last(place)
    assert last(place, '"rl-team"') == COMPLIANT


def test_another_policy_that_is_asked_for_is_not_this_one(place: Place) -> None:
    install(place.env, gym="0.26.2")
    installed(place)
    told = last(place, '"vision-team"')
    assert told.startswith("unknown vision-team None ")
    assert told.endswith("another policy was compiled into this environment: `rl-team`")
    other = place.project / "other.yaml"
    other.write_text(POLICY)
    assert "another policy was compiled" in last(place, '"./other.yaml"')
    assert "another policy was compiled" in last(place, ENVGUARD_POLICY="vision-team")


def test_a_file_that_others_may_write_is_not_taken(place: Place) -> None:
    install(place.env, gym="0.26.2")
    path = compiled(installed(place))
    path.chmod(0o666)
    assert "is not taken" in last(place)
    path.chmod(0o644)
    assert last(place) == COMPLIANT
    path.rename(place.home / "policy")
    path.symlink_to(place.home / "policy")
    assert "is not taken" in last(place)
    path.unlink()
    os.mkfifo(path)
    assert "is not taken" in last(place)


def test_of_two_guards_none_is_believed(place: Place) -> None:
    install(place.env, gym="0.26.2")
    path = compiled(installed(place))
    old = place.site / "envguard_guard-0.0.1.dist-info"
    old.mkdir()
    (old / "policy").write_bytes(path.read_bytes())
    assert "has two guards: compile it again" in last(place)


@pytest.mark.parametrize(
    ("row", "other"),
    [
        ("policy\trl-team\t-", "policy\trl-team\tmany"),
        ("compiled\t", "compiled\tat "),
        ("package\tgym\t1", "package\tgym"),
        ("\nsource\t", "\nsource\t\t"),
        ("\ndeny\t", "\nwaiver\tgym\t\tsoon\t\t1\ndeny\t"),
        ("\npackage\t", "\nlocked\t1\t\t\t\t\t\t\t\t\t\npackage\t"),
    ],
)
def test_no_nonsense_is_understood(place: Place, row: str, other: str) -> None:
    path = compiled(installed(place))
    text = path.read_text()
    assert row in text
    rows = text.replace(row, other, 1).splitlines()[:-1]
    path.write_text("\n".join([*rows, f"end\t{len(rows)}", ""]))
    assert "the compiled policy is not understood" in last(place)


def test_a_word_that_is_not_known_is_not_passed_over(place: Place) -> None:
    install(place.env, gym="0.26.2")
    path = compiled(installed(place))
    rows = path.read_text().splitlines()
    rows[-1:] = ["approved\tnobody", f"end\t{len(rows)}", ""]
    path.write_text("\n".join(rows))
    assert "the compiled policy is not understood" in last(place)


def test_a_file_that_a_lock_could_have_beside_it_makes_it_old_when_it_comes(place: Place) -> None:
    (place.project / "uv.lock").write_text(
        'version = 1\nrequires-python = ">=3.8"\n[[package]]\nname = "app"\nversion = "0"\n'
        'source = { virtual = "." }\n'
    )
    installed(place, POLICY, "--policy", "uv.lock")
    assert last(place) == "compliant uv.lock None None"
    beside = place.project / "pyproject.toml"
    beside.write_text('[project]\nname = "app"\nversion = "0"\n')
    assert f"{beside} has changed since the policy was compiled" in last(place)


def test_a_servers_policy_is_old_when_another_revision_is_here(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENVGUARD_CACHE", str(place.home / "cache"))
    install(place.env, gym="0.26.2")
    source = PolicySource(filename="rl-team.yaml", text=POLICY)

    def pull(revision: int) -> None:
        received = datetime(2026, 1, revision, tzinfo=timezone.utc)
        kept = KeptPolicy(
            name="rl-team", revision=revision, lock_revision=None, source=source, received_at=received
        )
        add_policies(pulled_folder(), {"rl-team": kept})

    pull(4)
    installed(place, POLICY, "--policy", "rl-team")
    assert last(place, '"rl-team"') == "compliant rl-team 4 None"
    pull(5)
    assert "rl-team.json has changed since the policy was compiled" in last(place, '"rl-team"')


def test_a_command_that_answers_is_the_last_word(place: Place) -> None:
    install(place.env, gym="0.26.2")
    installed(place)
    folder = place.home / "bin"
    folder.mkdir()
    command = folder / "envguard"

    def says(text: str) -> str:
        command.write_text(f"#!/bin/sh\n{text}\n")
        command.chmod(0o755)
        return last(place, PATH=f"{folder}:/usr/bin:/bin")

    error = '{"schema": "envguard/error/1", "error": {"kind": "%s", "message": "no", "place": null}}'
    assert says(f"echo '{error % 'unavailable'}'").startswith("unknown None None")
    assert says(f"echo '{error % 'usage'}'") == COMPLIANT
    assert says("exit 1") == COMPLIANT


def test_what_a_lock_selected_is_for_one_interpreter(place: Place) -> None:
    install(place.env, gym="0.26.2")
    (place.project / "pylock.toml").write_text(WHEELS)
    path = compiled(installed(place, "envguard: 1\nname: rl-team\nlock: pylock.toml\n"))
    content = path.read_bytes()
    assert b"compiled-for\tcpython\t3.11." in content
    path.write_bytes(content.replace(b"\t3.11.", b"\t3.10."))
    assert "the policy was compiled for cpython 3.10." in last(place)


def test_an_interpreter_that_looks_elsewhere_takes_nothing(place: Place) -> None:
    install(place.env, gym="0.26.2")
    installed(place)
    moved = place.env.with_name("moved")
    place.env.rename(moved)
    place.env = moved
    assert "compiled for an interpreter that looks elsewhere" in last(place)
