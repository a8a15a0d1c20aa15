"""What a child prints is told without logins and styles; it has no terminal, and holds the lock as well."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from envguard.updater.children import Children


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Children]:
    lock = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    yield Children(str(tmp_path), str(tmp_path / "log"), lock)
    os.close(lock)


def say(run: Children, text: str) -> str:
    assert run([sys.executable, "-c", f"print({text!r})"], os.environ) == 0
    return run.said()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no https://ann:s3cret@index.example/x\n", "no https://***@index.example/x"),
        ("no https://ann:s3@cret@index.example/x@1\n", "no https://***@index.example/x@1"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("one\nERROR: two\nthree\nERROR: four\nfive", "ERROR: two\nERROR: four"),
        ("Resolved\nerror: no such file\n  caused by this", "error: no such file\n  caused by this"),
        ("\n".join(map(str, range(20))), "\n".join(map(str, range(8, 20)))),
        ("", ""),
    ],
    ids=["login", "login with an @", "style", "pip", "uv", "long", "nothing"],
)
def test_what_tells_why_is_told_and_no_more(run: Children, text: str, said: str) -> None:
    assert say(run, text) == said


def test_only_the_last_one_is_told(run: Children) -> None:
    say(run, "a long first one")
    assert say(run, "second") == "second"


def test_nothing_is_told_of_a_child_that_never_was(run: Children) -> None:
    assert run.said() == ""


def test_a_child_has_no_terminal_and_is_in_a_session_of_its_own(run: Children) -> None:
    code = "import os, sys; print(os.getsid(0) == os.getpid(), repr(sys.stdin.read()))"
    assert run([sys.executable, "-c", code], os.environ) == 0
    assert run.said() == "True ''"


def test_the_lock_is_the_childs_as_well(tmp_path: Path) -> None:
    lock = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    run = Children(str(tmp_path), str(tmp_path / "log"), lock)
    assert run([sys.executable, "-c", f"import os; print(os.fstat({lock}).st_ino)"], os.environ) == 0
    assert run.said() == str(os.fstat(lock).st_ino)
    os.close(lock)
