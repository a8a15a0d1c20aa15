"""Commands in their plainest form, answered without a parser of options, which takes longer than they do.

Rules
1. Plain is ``scan PATH... --json``, in this order, without any other option; ``check`` with at most one
   ENV, ``--policy P``, ``--json``, ``--format F`` and ``-v``; and ``run``, however its options are written.
2. Where anything else is written, nothing was done, and the tree of commands begins anew: it has the words
   for what is wrong. So it does where ``scan`` fails, which only reads.
3. What ``check`` says is kept, to be said again while nothing has changed (:mod:`envguard.cli.again`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from envguard.errors import EnvguardError

if TYPE_CHECKING:
    from envguard.cli.checking import Checked, Format
    from envguard.cli.witness import Witness

_FORMATS: tuple[Format, ...] = ("rich", "json", "junit", "github", "sarif", "markdown")


class Check:
    """A plain ``check``, as it was written so far."""

    def __init__(self) -> None:
        """Nothing was asked yet."""
        self.env: str | None = None
        self.policy: str | None = None
        self.format_: Format | None = None
        self.verbose = 0


def run_plainly(arguments: Sequence[str]) -> int | None:
    """Answer the exit code of a plain command; None where it is not plain, or a scan did not go well."""
    match arguments:
        case ["scan", *paths, "--json"] if paths:
            if any(not path or path.startswith(("-", "conda:", "kernel:")) for path in paths):
                return None
            return _scan(paths)
        case ["check", *rest] if "_ENVGUARD_COMPLETE" not in os.environ:
            asked = check_asked(rest)
            return None if asked is None else _check(list(arguments), asked)
        case ["run", *rest] if "_ENVGUARD_COMPLETE" not in os.environ:
            return _run(rest)
        case _:
            return None


def check_asked(arguments: Sequence[str]) -> Check | None:
    """Answer what a plain ``check`` asks; None where it is not plain."""
    asked = Check()
    left = list(arguments)
    while left:
        word = left.pop(0)
        name, equals, value = word.partition("=")
        if name in ("--policy", "--format") and not equals:
            value = left.pop(0) if left else ""
        if not _is_taken(asked, name if name.startswith("-") else word, value, has_value=bool(equals)):
            return None
    return asked


def _is_taken(asked: Check, word: str, value: str, *, has_value: bool) -> bool:
    """Take one word more; False for what is empty, unknown, or said before."""
    if word in ("-v", "--verbose") and not has_value:
        asked.verbose += 1
    elif word == "--json" and not has_value and asked.format_ is None:
        asked.format_ = "json"
    elif word == "--format" and asked.format_ is None:
        asked.format_ = next((each for each in _FORMATS if each == value), None)
        return asked.format_ is not None
    elif word == "--policy" and value and not value.startswith("-") and asked.policy is None:
        asked.policy = value
    elif word and not word.startswith("-") and asked.env is None:
        asked.env = word
    else:
        return False
    return True


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether standard output must be one JSON document, whatever happens."""
    if arguments[:1] == ["run"]:
        return False  # what stands there is another command's
    return (
        "--json" in arguments or "--format=json" in arguments or ("--format", "json") in pairwise(arguments)
    )


def _check(arguments: list[str], asked: Check) -> int:
    from time import time

    from envguard.cli.again import folders_that_decide_nothing
    from envguard.cli.streams import take_down
    from envguard.cli.witness import Witness

    witness, written, began_at_s = Witness(folders_that_decide_nothing()), take_down(), time()
    witness.begin()
    try:
        from envguard.cli.checking import check_one

        checked = check_one(asked.env, asked.policy, asked.format_ or "rich", verbose=asked.verbose)
    except EnvguardError as error:
        from envguard.cli.failing import fail

        return fail(error, wants_json=asked.format_ == "json")
    finally:
        witness.end()
    sys.stdout.flush()
    sys.stderr.flush()
    _keep(arguments, checked, written, began_at_s, witness)
    return checked.code


def _run(arguments: list[str]) -> int | None:
    from envguard.cli.run_asked import run_asked

    asked = run_asked(arguments)
    if asked is None:
        return None
    try:
        from envguard.cli.running import run_guarded

        return run_guarded(asked)
    except EnvguardError as error:
        from envguard.cli.failing import fail

        return fail(error, wants_json=False)


def _keep(
    arguments: list[str],
    checked: Checked,
    written: list[tuple[int, bytes]],
    began_at_s: float,
    witness: Witness,
) -> None:
    from envguard.cli.keeping import Answer, holds_until_s, keep

    until_s = holds_until_s(checked, began_at_s)
    if until_s is not None:
        keep(arguments, Answer(checked.code, tuple(written), began_at_s, until_s), witness)


def _scan(paths: Sequence[str]) -> int | None:
    from envguard.cli.output import default_machine_name, now, print_json
    from envguard.inventory import scan_paths
    from envguard.report.scanned import scan_document

    try:
        document = scan_document(scan_paths(paths), default_machine_name(), now())
    except EnvguardError:
        return None
    print_json(document)
    return 0
