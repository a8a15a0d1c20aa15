"""Programs that start what follows them: ``env``, ``nice``, ``timeout``, ``srun``."""

from __future__ import annotations

import os
import re

from envguard.runs.command.interface import Line, Step, Untold, options_of

_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_PLAIN_VALUED = frozenset(
    [
        "-n",
        "--adjustment",
        "-c",
        "--class",
        "--classdata",
        "-k",
        "--kill-after",
        "-s",
        "--signal",
        "-f",
        "--format",
        "-o",
        "--output",
        "-i",
        "-e",
    ]
)
"""Options of ``nice``, ``ionice``, ``timeout``, ``time`` and ``stdbuf`` that take a value."""
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
    while words:
        word = words[0]
        if word in ("-S", "--split-string"):
            words[:2] = words[1].split() if words[1:] else []
        elif word.startswith("-S"):
            words[:1] = word[2:].split()
        elif word in ("-i", "-", "--ignore-environment"):
            environ.clear()
            del words[0]
        elif word in ("-u", "--unset", "-C", "--chdir") and words[1:]:
            if word in ("-u", "--unset"):
                environ.pop(words[1], None)
            else:
                cwd = os.path.join(cwd, words[1])
            del words[:2]
        elif _ASSIGNMENT.match(word):
            name, _, value = word.partition("=")
            environ[name] = value
            del words[0]
        elif word.startswith("-"):
            del words[0]
        else:
            break
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
    return line._replace(words=options_of(line.words[1:], _PLAIN_VALUED).rest[1:])
