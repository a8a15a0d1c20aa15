"""Builds the environments of the demo, all at once, and says how far each is."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from envguard.cli.demo.children import LOOK_EVERY_S, Children, python_environ, tail
from envguard.cli.demo.story import Colleague, Story
from envguard.errors import EnvguardError

if TYPE_CHECKING:
    from rich.console import Console

_INSTALL_WITHIN_S = 900.0
"""Time for a slow network, and for gym, which has no wheel and is built."""

_PIP = (".venv/bin/python", "-m", "pip", "--disable-pip-version-check", "install", "--progress-bar", "off")


class Step(msgspec.Struct, frozen=True):
    """One child on the way to an environment."""

    words: str
    command: tuple[str, ...]


class Progress:
    """Says what each machine does: on a terminal in one line that changes, else in a line at each step."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._steps: dict[str, str] = {}
        self._status = console.status("") if console.is_terminal else None

    def __enter__(self) -> Progress:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def tell(self, machine: str, step: str | None) -> None:
        """Say that a machine began a step; None: it has done all."""
        if self._status is None:
            if step is not None:
                self._console.print(f"  {machine}  {step}", soft_wrap=True)
            return
        self._steps[machine] = step or "ready"
        self._status.update(", ".join(f"{name} {doing}" for name, doing in sorted(self._steps.items())))


def build_environments(
    story: Story, folder: Path, children: Children, progress: Progress, *, within_s: float = _INSTALL_WITHIN_S
) -> None:
    """Make each colleague's project, with its environment; raises EnvguardError if one fails."""
    building = [_Building(each, _steps(story, each), folder, children) for each in story.colleagues]
    deadline = time.monotonic() + within_s
    for each in story.colleagues:
        _write_project(folder / each.machine, story.script)
    while building:
        if time.monotonic() > deadline:
            machine = building[0].machine
            raise EnvguardError(f"installing for {machine} did not end within {within_s:g} s")
        for each_building in list(building):
            if each_building.is_at_end(progress):
                building.remove(each_building)
        time.sleep(LOOK_EVERY_S)


class _Building:
    """One environment on its way."""

    def __init__(self, colleague: Colleague, steps: Sequence[Step], folder: Path, children: Children) -> None:
        self.machine = colleague.machine
        self._steps: Iterator[Step] = iter(steps)
        self._folder = folder
        self._log = folder / f"{colleague.machine}.install.log"
        self._children = children
        self._process: subprocess.Popen[bytes] | None = None

    def is_at_end(self, progress: Progress) -> bool:
        """Begin the next step if none is under way; whether there was none left."""
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                return False
            if code:
                raise EnvguardError(
                    f"installing for {self.machine} failed: {_reason(self._log, code)}",
                    hint="is a package index in reach?",
                )
        step = next(self._steps, None)
        progress.tell(self.machine, None if step is None else step.words)
        if step is not None:
            self._process = self._children.start(
                step.command,
                environ=python_environ(self._folder),
                out=self._log,
                cwd=self._folder / self.machine,
            )
        return step is None


def _steps(story: Story, colleague: Colleague) -> tuple[Step, ...]:
    return (
        Step("making .venv", (story.python, "-m", "venv", ".venv")),
        Step("installing", (*_PIP, *colleague.requirements)),
    )


def _write_project(project: Path, script: str) -> None:
    project.mkdir()
    (project / "pyproject.toml").write_text('[tool.envguard]\npolicy = "rl-team"\n')
    (project / "train.py").write_text(script)


def _reason(log: Path, code: int) -> str:
    """Answer why an installation failed: pip's last word on it, else the end of its log."""
    text = log.read_text(errors="replace")
    errors = [line for line in text.splitlines() if line.upper().startswith("ERROR:")]
    if errors:
        return errors[-1].partition(":")[2].strip()
    return f"exit code {code}{tail(log)}"
