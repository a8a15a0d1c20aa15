"""Programs that start what follows them: ``env``, ``nice``, ``timeout``, ``srun``."""

from __future__ import annotations

import os
import re

from envguard.runs.command.interface import Line, Step, Untold, options_of, take_option

_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_PLAIN_VALUED = frozenset(
    [
        "-n",
        "--adjustment",
        "-c",
        "--class",
        "--classdata",
        "-f",
        "--format",
        "-o",
        "--output",
        "-i",
        "-e",
    ]
)
"""Options of ``nice``, ``ionice``, ``time`` and ``stdbuf`` that take a value."""
_TIMEOUT_VALUED = frozenset(["-k", "--kill-after", "-s", "--signal"])
_ENV_VALUED = frozenset(["-u", "--unset", "-C", "--chdir", "-S", "--split-string"])
_SRUN_SHORT = frozenset(f"-{letter}" for letter in "AbcCdDeGiJmMnNoprStTwWx")
"""Options of srun that take a value."""
_SRUN_FLAGS = frozenset(
    f"--{name}"
    for name in [
        "contiguous",
        "disable-status",
        "exact",
        "exclusive",
        "help",
        "hold",
        "immediate",
        "interactive",
        "kill-on-bad-exit",
        "label",
        "multi-prog",
        "no-allocate",
        "no-kill",
        "no-requeue",
        "overcommit",
        "overlap",
        "oversubscribe",
        "preserve-env",
        "propagate",
        "pty",
        "quiet",
        "quit-on-interrupt",
        "reboot",
        "requeue",
        "resv-ports",
        "share",
        "spread-job",
        "test-only",
        "unbuffered",
        "usage",
        "use-min-nodes",
        "verbose",
        "version",
    ]
)
"""Long options of srun that take no value, or take one after ``=`` only."""


def of_env(line: Line) -> Step:
    """Answer what ``env`` starts, with the variables and in the folder that it sets."""
    environ, cwd = dict(line.environ), line.cwd
    words = list(line.words[1:])
    while words and (words[0].startswith("-") or _ASSIGNMENT.match(words[0])):
        name, value = take_option(words, _ENV_VALUED)
        match name:
            case "-S" | "--split-string":
                words = [*value.split(), *words]
            case "-i" | "-" | "--ignore-environment":
                environ.clear()
            case "-u" | "--unset":
                environ.pop(value, None)
            case "-C" | "--chdir":
                cwd = os.path.join(cwd, value)
            case _ if not name.startswith("-"):
                environ[name] = value
    return line._replace(words=tuple(words), environ=environ, cwd=cwd)


def of_srun(line: Line) -> Step:
    """Answer what ``srun`` starts; the folders are taken to be the same on all nodes."""
    options = options_of(line.words[1:], _SRUN_SHORT, flags=_SRUN_FLAGS)
    if "--multi-prog" in options.given:
        return Untold("`srun --multi-prog` starts several programs")
    if any(name.startswith("--container") for name in options.given):
        return Untold("`srun` starts it in a container")
    folder = options.first("-D", "--chdir")
    cwd = os.path.join(line.cwd, folder) if folder else line.cwd
    return line._replace(words=options.rest, cwd=cwd)


def of_plain(line: Line) -> Step:
    """Answer what ``nohup``, ``nice`` and their like start, which set nothing that matters here."""
    return line._replace(words=options_of(line.words[1:], _PLAIN_VALUED).rest)


def of_timeout(line: Line) -> Step:
    """Answer what ``timeout`` starts: what follows its options and the time."""
    return line._replace(words=options_of(line.words[1:], _TIMEOUT_VALUED).rest[1:])
