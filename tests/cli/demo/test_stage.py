"""What the demo reads out of what its commands print."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from envguard.cli.demo.children import Said
from envguard.cli.demo.stage import installed, mend_line, write_stop

_CHECKED = """\
drifted from `rl-team` r1: 1 error
.venv, Python 3.11.7, 6 packages (named)

gym 0.25.2, needs ==0.26.2  to mend  rl-team.yaml:10

mend  '/a b/.venv/bin/python' -m pip install gym==0.26.2
"""


def test_the_line_that_mends_is_read_as_it_was_printed() -> None:
    assert mend_line(_CHECKED) == "'/a b/.venv/bin/python' -m pip install gym==0.26.2"


def test_colours_are_no_part_of_the_line() -> None:
    assert mend_line("\x1b[1mmend  \x1b[0m\x1b[22mpip install gym\x1b[0m\n") == "pip install gym"


def test_where_nothing_is_to_mend_there_is_no_line() -> None:
    assert mend_line("compliant with `rl-team` r1\nmending is not needed\n") is None


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("Collecting gym\nSuccessfully installed gym-0.26.2\n", "gym 0.26.2"),
        ("Successfully installed gym-notices-0.1.0 numpy-1.26.4\n", "gym-notices 0.1.0, numpy 1.26.4"),
        ("something else\nand its end\n", "and its end"),
        ("", "exit code 0"),
    ],
    ids=["one", "several", "another installer", "silent"],
)
def test_what_pip_installed_is_told_in_a_line(out: str, words: str) -> None:
    assert installed(Said(0, out, "")) == words


def test_the_line_that_stops_a_kept_demo_ends_its_processes_and_removes_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "it's a folder"
    folder.mkdir()
    with subprocess.Popen(["sleep", "60"]) as running, subprocess.Popen(["true"]) as ended:
        ended.wait()
        line = write_stop(folder, [running.pid, ended.pid])
        # The child of a test is a zombie until it is waited for: that is done beside the script.
        with subprocess.Popen(["/bin/sh", "-c", line]) as stopping:
            assert running.wait(20) != 0
            assert stopping.wait(20) == 0
    assert not folder.exists()
