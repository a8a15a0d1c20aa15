"""However a command is cut off, or its streams are: the code is what it means, and no traceback is shown."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Envguard

POLICY = "envguard: 1\nname: rl-team\npackages:\n  gym: ==0.26.2\n"
COMMAND = f"{sys.executable} -m envguard.cli.main"
COMMANDS = [
    pytest.param("scan .venv --json", 0, id="plain"),
    pytest.param("scan .venv", 0, id="table"),
    pytest.param("check .venv --policy p.yaml", 1, id="verdict"),
    pytest.param("check .venv --policy p.yaml --json", 1, id="document"),
    pytest.param("diff .venv .venv --json", 0, id="equal"),
    pytest.param("policy lint p.yaml", 0, id="line"),
    pytest.param("check --help", 0, id="help"),
    pytest.param("check --nonsense --json", 2, id="usage"),
]


def shell(line: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a line as a shell does, with `envguard` in it, and a policy in the folder."""
    (folder / "p.yaml").write_text(POLICY)
    return subprocess.run(
        ["bash", "-c", line.replace("envguard", COMMAND, 1)],
        cwd=folder,
        env={**os.environ, "ENVGUARD_STATE": str(folder / "state"), **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(("command", "code"), COMMANDS)
def test_a_reader_that_goes_away_changes_no_code(project: Path, command: str, code: int) -> None:
    done = shell(f"{{ sleep 0.01; envguard {command}; echo $? >code; }} | true", project)
    assert (int((project / "code").read_text()), "Traceback" in done.stderr) == (code, False)
    done = shell(f"{{ envguard {command} 2>&1; echo $? >code; }} | true", project)
    assert (int((project / "code").read_text()), done.stderr) == (code, "")


@pytest.mark.parametrize(("command", "code"), COMMANDS)
def test_a_closed_output_changes_no_code(project: Path, command: str, code: int) -> None:
    done = shell(f"envguard {command} >&-", project)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False)
    assert shell(f"envguard {command} >&- 2>&-", project).returncode == code


def test_a_closed_input_is_empty(project: Path) -> None:
    done = shell("envguard diff - .venv <&-", project)
    assert (done.returncode, done.stderr.splitlines()[0][:22]) == (3, "error: standard input:")
    assert shell("envguard join - <&-", project).returncode == 2


@pytest.mark.parametrize("more", ["--json", ""], ids=["json", "table"])
def test_output_that_cannot_be_written_is_no_drift(more: str, project: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    done = shell(f"envguard scan .venv {more} >/dev/full", project)
    assert (done.returncode, done.stderr) == (3, "error: standard output: No space left on device\n")


@pytest.mark.parametrize("command", ["check", "stamp x", "runs", "diff a b", "run -- true"])
def test_a_folder_that_is_gone_is_named(command: str, project: Path) -> None:
    done = shell(f"mkdir x; cd x; rmdir ../x; envguard {command}", project)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: the current folder is gone\nhint: cd to another\n"


def test_a_terminal_without_a_character_gets_it_escaped(project: Path) -> None:
    (project / ".venv").rename(project / "umgebung-ü")
    done = shell("envguard scan umgebung-ü", project, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "umgebung-\\xfc" in done.stdout


def test_json_is_utf_8_whatever_the_terminal_has(project: Path) -> None:
    (project / ".venv").rename(project / "umgebung-ü")
    done = shell("envguard scan umgebung-ü --json", project, PYTHONIOENCODING="ascii")
    assert json.loads(done.stdout)["environments"][0]["path"].endswith("umgebung-ü")


@pytest.mark.parametrize("more", [[], ["--json"]], ids=["words", "json"])
def test_a_failure_of_our_own_is_no_drift(
    envguard: Envguard, project: Path, tmp_path: Path, more: list[str]
) -> None:
    (tmp_path / "rich.py").write_text("import a_module_that_is_not_there\n")
    (tmp_path / "yaml.py").write_text("import a_module_that_is_not_there\n")
    (project / "p.yaml").write_text(POLICY)
    run = envguard("check", ".venv", "--policy", "p.yaml", *more, cwd=project, PYTHONPATH=str(tmp_path))
    assert run.code == 3
    assert run.err.startswith("error: envguard itself failed: ModuleNotFoundError: No module named 'a_module")
    assert (run.json()["schema"] == "envguard/error/1") if more else (run.out == "")


@pytest.mark.parametrize("delay_ms", [1, 3, 10, 20, 40, 80, 160])
@pytest.mark.parametrize("plain", [False, True], ids=["parsed", "plain"])
def test_ctrl_c_is_told_in_a_word(project: Path, plain: bool, delay_ms: int) -> None:
    """From the moment on that the program has said what becomes of an exception."""
    program = f"""
import signal, sys
from envguard.cli.main import main

def interrupt(*_):
    if sys.excepthook is sys.__excepthook__:
        signal.setitimer(signal.ITIMER_REAL, 0.0001)
    else:
        raise KeyboardInterrupt

signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, {delay_ms / 1000})
main()
"""
    arguments = ["scan", *[".venv"] * 200, "--json"] if plain else ["scan", "--roots", "/usr"]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=project,
        env={**os.environ, "ENVGUARD_STATE": str(project / "state")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    ended_before = ((0, ""), (-signal.SIGALRM, ""))  # the latter where the interpreter is ending
    assert (done.returncode, done.stderr.strip()) in ((130, "stopped"), *ended_before)
    if plain and done.returncode == 130:
        assert json.loads(done.stdout)["error"]["kind"] == "stopped"


@pytest.mark.parametrize(
    ("statement", "printed"),
    [
        pytest.param("pass", "[]", id="nothing"),
        pytest.param("sys.stdout.write('{')", "[]", id="what waits to be written"),
        pytest.param("sys.stdout.write('{'); sys.stdout.flush()", "{", id="a beginning"),
    ],
)
def test_a_document_stands_in_for_one_that_was_not_begun(statement: str, printed: str) -> None:
    program = f"""
import os, sys
from envguard.cli.streams import open_streams, print_instead
open_streams()
{statement}
print_instead("[]")
os._exit(0)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, printed, "")
