"""What takes long says so on a terminal, and only there."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from envguard.cli.progress import Bar
from envguard.wire import PlanReply
from tests.client.fake_server import Asked, Told, serving

SPINNER = b"the server judges the team by it"
REPLY = PlanReply(
    name="rl-team",
    revision=None,
    is_new=True,
    difference=None,
    governs=0,
    counts={},
    environments=(),
    unchanged=0,
)


def told_on_a_terminal(folder: Path, *, answers_after_s: float) -> bytes:
    """Answer what a plan wrote to a terminal on standard error."""

    def answer(_: Asked) -> Told:
        time.sleep(answers_after_s)
        return Told(body=msgspec.json.encode(REPLY))

    (folder / "p.yaml").write_text("envguard: 1\nname: rl-team\n")
    master, slave = os.openpty()
    with serving(answer) as server:
        environ = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
        environ |= {"ENVGUARD_SERVER": server.url, "ENVGUARD_TOKEN": "t", "ENVGUARD_STATE": str(folder / "s")}
        done = subprocess.run(
            [sys.executable, "-m", "envguard.cli.main", "policy", "plan", "p.yaml"],
            cwd=folder,
            env={**environ, "TERM": "xterm"},
            stdout=subprocess.DEVNULL,
            stderr=slave,
            timeout=60,
            check=False,
        )
    os.close(slave)
    with contextlib.closing(os.fdopen(master, "rb", buffering=0)) as terminal:
        written = _all_of(terminal.fileno())
    assert done.returncode == 0, written
    return written


def _all_of(descriptor: int) -> bytes:
    written = b""
    with contextlib.suppress(OSError):  # how a terminal says that nobody writes any more
        while chunk := os.read(descriptor, 4096):
            written += chunk
    return written


@pytest.mark.parametrize(("answers_after_s", "shows"), [(0.0, False), (1.8, True)], ids=["at once", "slowly"])
def test_a_server_that_thinks_for_over_a_second_is_waited_for_visibly(
    tmp_path: Path, answers_after_s: float, shows: bool
) -> None:
    assert (SPINNER in told_on_a_terminal(tmp_path, answers_after_s=answers_after_s)) is shows


COUNTING = """
from envguard.cli.progress import Bar
with Bar() as bar:
    for done in range(5):
        bar.show("snapshots", done, 4)
    print("a line of data")
"""


def test_what_is_counted_has_a_bar_on_a_terminal() -> None:
    master, slave = os.openpty()
    environ = {key: value for key, value in os.environ.items() if key != "NO_COLOR"} | {"TERM": "xterm"}
    command = [sys.executable, "-c", COUNTING]
    out = subprocess.run(
        command, env=environ, stdout=subprocess.PIPE, stderr=slave, timeout=60, check=True
    ).stdout
    os.close(slave)
    with contextlib.closing(os.fdopen(master, "rb", buffering=0)) as terminal:
        written = _all_of(terminal.fileno())
    assert b"snapshots" in written
    assert b"4/4" in written
    assert out == b"a line of data\n"


def test_what_is_counted_has_a_line_now_and_then_elsewhere(capfd: pytest.CaptureFixture[str]) -> None:
    at_s = iter([0.0, 1.0, 4.9, 5.0, 5.0, 9.0])
    with Bar(lambda: next(at_s)) as bar:
        for done in range(5):
            bar.show("snapshots", 1000 * done, 4000)
    assert capfd.readouterr().err == "snapshots: 3,000 of 4,000\n"
