"""What a command line asks ``run`` for, read without a parser of options, which takes as long as the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class RunAsked(NamedTuple):
    """What ``run`` is to do."""

    command: tuple[str, ...]
    env: str | None = None
    policy: str | None = None
    allow_drift: str | None = None
    receipt: str | None = None
    wants_receipt: bool = True
    is_exec: bool = False
    verbose: int = 0


_VALUED = ("--env", "--policy", "--allow-drift", "--receipt")


def run_asked(arguments: Sequence[str]) -> RunAsked | None:
    """Answer what is asked; None where the parser of options has the words for what is wrong."""
    asked = RunAsked(())
    left = list(arguments)
    while left and left[0].startswith("-") and left[0] != "--":
        word = left.pop(0)
        name, equals, value = word.partition("=")
        if name in _VALUED:
            value = value if equals else left.pop(0) if left else ""
            if not value or (not equals and value.startswith("-")):
                return None
            asked = _with_value(asked, name, value)
        elif word in ("-v", "--verbose"):
            asked = asked._replace(verbose=asked.verbose + 1)
        elif word == "--no-receipt":
            asked = asked._replace(wants_receipt=False)
        elif word == "--exec":
            asked = asked._replace(is_exec=True)
        else:
            return None
    command = tuple(left[1:] if left[:1] == ["--"] else left)
    if not command or not command[0] or (asked.receipt is not None and not asked.wants_receipt):
        return None
    return asked._replace(command=command)


def _with_value(asked: RunAsked, name: str, value: str) -> RunAsked:
    match name:
        case "--env":
            return asked._replace(env=value)
        case "--policy":
            return asked._replace(policy=value)
        case "--allow-drift":
            return asked._replace(allow_drift=value)
        case _:
            return asked._replace(receipt=value)
