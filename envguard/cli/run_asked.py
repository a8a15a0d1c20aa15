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
_VERBOSE = ("-v", "--verbose")
_FLAGS = (*_VERBOSE, "--no-receipt", "--exec")


def run_asked(arguments: Sequence[str]) -> RunAsked | None:
    """Answer what is asked; None where the parser of options has the words for what is wrong."""
    given: dict[str, str] = {}
    flags: list[str] = []
    left = list(arguments)
    while left and left[0].startswith("-") and left[0] != "--":
        word = left.pop(0)
        name, equals, value = word.partition("=")
        if name in _VALUED:
            value = value if equals else left.pop(0) if left else ""
            if not value or (not equals and value.startswith("-")):
                return None
            given[name] = value
        elif word in _FLAGS:
            flags.append(word)
        else:
            return None
    command = tuple(left[1:] if left[:1] == ["--"] else left)
    if not command or not command[0] or ("--receipt" in given and "--no-receipt" in flags):
        return None
    return RunAsked(
        command,
        env=given.get("--env"),
        policy=given.get("--policy"),
        allow_drift=given.get("--allow-drift"),
        receipt=given.get("--receipt"),
        wants_receipt="--no-receipt" not in flags,
        is_exec="--exec" in flags,
        verbose=sum(map(flags.count, _VERBOSE)),
    )
