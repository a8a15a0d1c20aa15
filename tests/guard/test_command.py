"""Where there is no agent: the ``envguard`` command, on ``PATH`` or that of the package itself."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.builders.environments import install
from tests.guard.places import Place
from tests.guard.test_agents_file import ASK, last

POLICY = """envguard: 1
name: rl-team
packages:
  gym: "==0.26.2"
"""
COMMAND = Path(sys.executable).with_name("envguard")


@pytest.fixture
def with_command(place: Place) -> Place:
    """A place whose project has a policy, and whose ``envguard`` is found by ``PATH``."""
    (place.project / "rl-team.yaml").write_text(POLICY)
    (place.project / "pyproject.toml").write_text('[tool.envguard]\npolicy = "./rl-team.yaml"\n')
    return place


def path_with(place: Place, script: str) -> str:
    """A ``PATH`` on which ``envguard`` is this script."""
    folder = place.home / "bin"
    folder.mkdir()
    command = folder / "envguard"
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)
    return f"{folder}:/usr/bin:/bin"


def test_every_python_asks_the_command_on_path(any_place: Place) -> None:
    install(any_place.env, gym="0.26.2")
    (any_place.project / "rl-team.yaml").write_text(POLICY)
    path = f"{COMMAND.parent}:/usr/bin:/bin"
    assert last(any_place, '"./rl-team.yaml"', PATH=path) == "compliant rl-team None None"


def test_the_projects_policy_judges_where_none_is_named(with_command: Place) -> None:
    install(with_command.env, gym="0.25.2")
    told = with_command.run(ASK.format(""), PATH=str(COMMAND.parent))
    assert told.out.splitlines()[-1] == "drifted rl-team None None"
    assert "gym      ==0.26.2  0.25.2  version-mismatch" in told.out
    assert "pyproject.toml:2" in told.out
    assert "mend   " in told.out


def test_a_policy_that_only_warns_lets_the_script_run(with_command: Place) -> None:
    (with_command.project / "rl-team.yaml").write_text(POLICY + "before-run: warn\n")
    told = with_command.run(ASK.format(""), PATH=str(COMMAND.parent))
    assert told.out == "drifted rl-team None None\n"
    assert "gym      ==0.26.2  absent  missing" in told.err


def test_what_the_command_says_of_a_mistake_is_the_reason(with_command: Place) -> None:
    told = last(with_command, '"./absent.yaml"', PATH=str(COMMAND.parent))
    assert told.startswith("unknown ./absent.yaml None ")
    assert "there is no such policy or lock" in told


def test_a_policy_that_the_call_names_was_not_named_on_a_command_line(with_command: Place) -> None:
    told = last(with_command, '"absent"', PATH=str(COMMAND.parent))
    assert "named in the call: envguard policy pull absent" in told
    script = 'import envguard_guard\nenvguard_guard.require("./rl-team.yaml", on_drift="warn")\n'
    warned = with_command.run(script, PATH=str(COMMAND.parent))
    assert "Python 3.11.7; named in the call\n" in warned.err


def test_all_problems_of_a_policy_are_the_reason_in_one_line(with_command: Place) -> None:
    (with_command.project / "rl-team.yaml").write_text("envguard: 9\nname: rl-team\nfuture: 1\n")
    told = last(with_command, PATH=str(COMMAND.parent))
    assert "this version of envguard reads policies of version 1: rl-team.yaml:1:11" in told
    assert "unknown key: `future`: rl-team.yaml:3:1" in told


def test_a_hint_of_several_lines_is_one_line_of_the_reason(with_command: Place) -> None:
    (with_command.project / "pyproject.toml").write_text("[tool.envguard]\npolicy = [1]\n")
    told = with_command.run(ASK.format(""), PATH=str(COMMAND.parent))
    assert '[tool.envguard] policy = "rl-team"' in told.out


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("exit 3", "is not understood"),
        ("echo '[1]'", "is not understood"),
        ('echo \'{"schema": "envguard/verdict/1"}\'', "is not understood"),
        ("head -c 9000 /dev/zero", "is not understood"),
    ],
)
def test_a_command_that_says_nonsense_is_unknown(place: Place, script: str, words: str) -> None:
    assert words in last(place, PATH=path_with(place, script))


def test_a_command_is_not_looked_for_in_the_working_folder(place: Place) -> None:
    command = place.project / "envguard"
    command.write_text("#!/bin/sh\ntouch ran\n")
    command.chmod(0o755)
    assert "there is no `envguard` command" in last(place, PATH=":.")
    assert not (place.project / "ran").exists()


def test_the_command_has_an_interpreter_of_its_own(place: Place) -> None:
    document = {"schema": "x"}
    path = path_with(place, f"env | grep ^PYTHON > '{place.home}/seen'; echo '{json.dumps(document)}'")
    last(place, PATH=path, PYTHONPATH=str(place.home), PYTHONHASHSEED="0")
    assert (place.home / "seen").read_text() == ""


def test_the_package_itself_judges_its_own_environment(tmp_path: Path) -> None:
    (tmp_path / "rl-team.yaml").write_text('envguard: 1\nname: rl-team\npackages: {msgspec: ">=0.1"}\n')
    place = Place(Path(sys.prefix), tmp_path / "project")
    text = ASK.format('"../rl-team.yaml"').replace("envguard_guard", "envguard")
    assert place.run(text).out.splitlines()[-1] == "compliant rl-team None None"
    text = text.replace("..", "../..")
    assert place.run(text).out.splitlines()[-1].startswith("unknown")


def test_the_command_beside_the_interpreter_comes_before_that_on_path(with_command: Place) -> None:
    beside = with_command.env / "bin" / "envguard"
    beside.symlink_to(COMMAND)
    path = path_with(with_command, "exit 3")
    assert last(with_command, PATH=path).startswith("drifted rl-team")
    beside.unlink()
    assert "is not understood" in last(with_command, PATH=path)
