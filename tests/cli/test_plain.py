"""The plain form of a command says what the parsed one says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from envguard.cli.plain import run_plainly
from tests.cli.conftest import Envguard


def test_plain_and_parsed_print_the_same(envguard: Envguard, project: Path) -> None:
    plain = envguard("scan", project / ".venv", "--json")
    parsed = envguard("scan", "--json", project / ".venv")
    assert (plain.code, plain.out, plain.err) == (parsed.code, parsed.out, parsed.err)
    assert plain.json()["environments"]


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
