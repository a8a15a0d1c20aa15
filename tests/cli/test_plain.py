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
        ["check", ".", "--json"],
    ],
    ids=" ".join,
)
def test_everything_else_is_not_plain(arguments: list[str]) -> None:
    assert run_plainly(arguments) is None


def test_a_plain_command_imports_no_parser(project: Path) -> None:
    program = (
        "import sys; from envguard.cli.plain import run_plainly;"
        f"code = run_plainly(['scan', {str(project / '.venv')!r}, '--json']);"
        "sys.exit(code if code else 'click' in sys.modules or 'rich' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.DEVNULL, check=False, timeout=60)
    assert done.returncode == 0


def test_a_reader_that_goes_away_is_no_error(project: Path) -> None:
    command = [sys.executable, "-m", "envguard.cli.main", "scan", str(project / ".venv"), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.parametrize("more", [["--json"], []], ids=["json", "table"])
def test_output_that_cannot_be_written_is_no_drift(more: list[str], project: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    command = [sys.executable, "-m", "envguard.cli.main", "scan", str(project / ".venv"), *more]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60
        )
    assert (done.returncode, done.stderr) == (3, "error: standard output: No space left on device\n")
