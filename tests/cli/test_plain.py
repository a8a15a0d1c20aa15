"""The plain form of a command says what the parsed one says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from envguard.cli.plain import run_plainly
from envguard.formats import locks
from tests.cli.conftest import Envguard


def test_plain_and_parsed_print_the_same(envguard: Envguard, project: Path) -> None:
    plain = envguard("scan", project / ".venv", "--json")
    parsed = envguard("scan", "--json", project / ".venv")
    assert (plain.code, plain.err) == (parsed.code, parsed.err)
    told, told_again = ({**each.json(), "taken_at": None} for each in (plain, parsed))
    assert told == told_again
    assert told["environments"]
    assert list(plain.json()) == list(parsed.json())


def test_what_goes_wrong_is_said_as_ever(envguard: Envguard, tmp_path: Path) -> None:
    plain = envguard("scan", tmp_path / "absent", "--json")
    parsed = envguard("scan", "--json", tmp_path / "absent")
    assert (plain.code, plain.out, plain.err) == (parsed.code, parsed.out, parsed.err)
    assert plain.code == 3
    assert plain.json()["schema"] == "envguard/error/1"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["scan"],
        ["scan", "--json"],
        ["scan", ".", "-v"],
        ["scan", "", "--json"],
        ["scan", "-v", "--json"],
        ["check", "--all"],
        ["check", ".", "x"],
        ["check", ""],
        ["check", "--policy"],
        ["check", "--policy", ""],
        ["check", "--policy="],
        ["check", "--policy", "a", "--policy", "b"],
        ["check", "--policy", "--json"],
        ["check", "--format", "xml"],
        ["check", "--format", "json", "--json"],
        ["check", "--json=1"],
        ["check", "--help"],
        ["check", "--", "x"],
        ["check", "-vx"],
    ],
    ids=" ".join,
)
def test_everything_else_is_not_plain(arguments: list[str]) -> None:
    assert run_plainly(arguments) is None


def test_a_plain_command_imports_no_parser(project: Path) -> None:
    program = (
        "import sys; from envguard.cli.plain import run_plainly;"
        f"code = run_plainly(['scan', {str(project / '.venv')!r}, '--json']);"
        "sys.exit(code if code else any(map(sys.modules.get, ('click', 'rich', 'pathlib'))))"
    )
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.DEVNULL, check=False, timeout=60)
    assert done.returncode == 0


def test_a_plain_check_of_a_known_lock_imports_no_more_than_it_needs(project: Path, tmp_path: Path) -> None:
    (project / "requirements.txt").write_text("gym==0.25.2\n")
    asked = ["check", str(project / ".venv"), "--policy", str(project / "requirements.txt")]
    program = (
        "import sys; from envguard.cli.streams import open_streams;"
        "from envguard.cli.plain import run_plainly;"
        f"open_streams(); code = run_plainly({asked!r});"
        "slow = ('click', 'rich', 'packaging.markers', 'platformdirs', 'tempfile', '_hashlib', 'csv');"
        "print(code, *filter(sys.modules.get, slow), file=sys.stderr)"
    )
    environ = {"HOME": str(tmp_path), "ENVGUARD_CACHE": str(tmp_path / "cache"), "LC_ALL": "C.UTF-8"}
    bytecode = Path(locks.__file__).parent / "__pycache__"
    bytecode.mkdir(exist_ok=True)
    told = []
    for _ in range(2):
        command = [sys.executable, "-c", program]
        told += [
            subprocess.run(command, capture_output=True, text=True, env=environ, timeout=60, check=False)
        ]
        os.utime(bytecode)  # somebody else's Python wrote its bytecode
    assert told[1].stderr == "0\n", told[0].stderr


@pytest.mark.parametrize(
    ("arguments", "is_collecting"), [(["version"], True), (["scan", "{venv}", "--json"], False)], ids=str
)
def test_only_a_plain_command_leaves_its_memory_alone(
    project: Path, tmp_path: Path, arguments: list[str], *, is_collecting: bool
) -> None:
    asked = [word.format(venv=project / ".venv") for word in arguments]
    program = (
        "import gc, os, sys; from envguard.cli.main import main;"
        "end = os._exit; tell = lambda: os.write(2, str(gc.isenabled()).encode());"
        "import atexit; atexit.register(tell); os._exit = lambda code: (tell(), end(code));"
        f"sys.argv[1:] = {asked!r}; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        env={"HOME": str(tmp_path)},
        check=True,
        timeout=60,
    )
    assert done.stderr.decode() == str(is_collecting)
