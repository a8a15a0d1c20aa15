"""What the shell proposes, by the protocol that its own script speaks, and in a real bash."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest

from envguard.domain.policy import PolicySource
from envguard.state import KeptPolicy, open_state
from tests.cli.conftest import Envguard

NOW = datetime(2026, 11, 23, tzinfo=timezone.utc)


def proposed(envguard: Envguard, line: str, **environ: str) -> list[str]:
    """Answer what bash would be told after TAB at the end of a line; files are `type,`."""
    words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
    run = envguard(_ENVGUARD_COMPLETE="bash_complete", **words, **environ)
    assert (run.code, run.err) == (0, "")
    return [each.removeprefix("plain,") for each in run.out.split()]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("envguard che", ["check"]),
        ("envguard policy l", ["lint", "list", "log"]),
        ("envguard check --form", ["--format"]),
        ("envguard check --format s", ["sarif"]),
        ("envguard check .v", ["file,.v"]),
        ("envguard check --policy ", ["paper", "rl-team", "file,"]),
        ("envguard check --policy r", ["rl-team", "file,r"]),
        ("envguard use p", ["paper"]),
        ("envguard run --rec", ["--receipt"]),
        ("envguard run --policy pa", ["paper", "file,pa"]),
        ("envguard run --receipt x", ["dir,x"]),
        ("envguard run --env .v", ["file,.v"]),
        ("envguard run -- tr", ["file,tr"]),
        ("envguard stamp r", ["dir,r"]),
        ("envguard use paper .", ["file,."]),
        ("envguard team --policy rl", ["rl-team", "file,rl"]),
        ("envguard diff a ", ["file,"]),
        ("envguard policy lint p", ["file,p"]),
        ("envguard policy show pa", ["paper", "file,pa"]),
        ("envguard scan --roots x", ["dir,x"]),
        ("envguard scan --kinds pi", ["pipenv", "pixi", "pipx"]),
        ("envguard scan --kinds pixi,pi", ["pixi,pipenv", "pixi,pipx"]),
        ("envguard scan --time-limit nan --all", ["--all-file-systems"]),
    ],
)
def test_what_is_known_here_is_proposed(
    envguard: Envguard, tmp_path: Path, line: str, words: list[str]
) -> None:
    state = open_state(tmp_path / "state")
    for name in ("rl-team", "paper"):
        source = PolicySource(filename=f"{name}.yaml", text="")
        kept = KeptPolicy(name=name, revision=1, lock_revision=None, source=source, received_at=NOW)
        state.keep_policies({**state.policies(), name: kept})
    assert proposed(envguard, line) == words


def test_a_state_that_cannot_be_read_proposes_nothing_and_says_nothing(
    envguard: Envguard, tmp_path: Path
) -> None:
    (tmp_path / "state").write_text("")
    assert proposed(envguard, "envguard use ") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(envguard: Envguard, shell: str) -> None:
    run = envguard(_ENVGUARD_COMPLETE=f"{shell}_source")
    assert (run.code, run.err) == (0, "")
    assert f"_ENVGUARD_COMPLETE={shell}_complete" in run.out


def test_bash_completes_a_command(tmp_path: Path) -> None:
    program = tmp_path / "envguard"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m envguard.cli.main "$@"\n')
    program.chmod(0o755)
    lines = (
        'eval "$(_ENVGUARD_COMPLETE=bash_source envguard)"',
        "COMP_WORDS=(envguard stat); COMP_CWORD=1",
        "_envguard_completion envguard; echo ${COMPREPLY[@]}",
    )
    done = subprocess.run(
        ["bash", "-c", "\n".join(lines)],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "ENVGUARD_STATE": str(tmp_path / "s")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("status\n", "")
