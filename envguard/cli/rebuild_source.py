"""What ``rebuild`` makes an environment from: a run, a lock, or a policy with its lock.

Rules, the first that fits
1. A folder with a receipt, a receipt, or the name of a run of this project as ``runs`` lists it.
2. A file that is named as locks are.
3. Else a policy: a file, ``NAME``, or ``NAME@rN``.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from envguard.cli.output import tell
from envguard.cli.receipts import receipt_at
from envguard.domain.comparison import EnvironmentSide, LockSide
from envguard.domain.locks.lock import Lock, LockChoice
from envguard.domain.locks.selection import DEFAULT_CHOICE
from envguard.domain.policy import PythonRule
from envguard.domain.receipt import Judgement, Receipt
from envguard.errors import InventoryError, PolicyError, UsageError
from envguard.formats import is_lock_name, read_lock
from envguard.report.printable import printable
from envguard.state.receipts import PYLOCK, RECEIPT, runs_folder

if TYPE_CHECKING:
    from envguard.cli.policy_named import NamedPolicy

_SAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 60


class RunSource(msgspec.Struct, frozen=True):
    """A run, and what its receipt says of its environment."""

    given: str
    receipt: Receipt
    judgement: Judgement
    files: Lock | None
    """The lock beside the receipt."""

    @property
    def name(self) -> str:
        """By what the environment may be called."""
        return _named(self.receipt.id)

    def as_side(self) -> EnvironmentSide:
        """Answer what is compared with what was made."""
        judgement = self.judgement
        return EnvironmentSide(
            given=self.given,
            snapshot=judgement.snapshot,
            facts=judgement.facts,
            machine=judgement.machine,
            run=self.receipt,
        )


class LockSource(msgspec.Struct, frozen=True, kw_only=True):
    """A lock, by itself or as a policy has it."""

    given: str
    name: str
    lock: Lock
    choice: LockChoice = DEFAULT_CHOICE
    rule: PythonRule = PythonRule()
    path: str | None
    """The lock's file, where it lies on this machine."""
    is_policy: bool

    def as_side(self) -> LockSide:
        """Answer what is compared with what was made."""
        return LockSide(given=self.given, lock=self.lock)


Source = RunSource | LockSource


def source_of(text: str, cwd: str) -> Source:
    """Answer what a word of the command line means.

    Raises UsageError, PolicyError, StateError and InventoryError where it cannot be used.
    """
    path = os.path.join(cwd, os.path.expanduser(text))
    run = _run_at(path, text) or _run_named(text, cwd)
    if run is not None:
        return run
    if os.path.isdir(path):
        raise UsageError("a folder without a receipt", where=printable(text), hint="envguard runs")
    if os.sep in text and not os.path.lexists(path):
        raise UsageError("there is no such run, lock or policy", where=printable(text), hint="envguard runs")
    if is_lock_name(text):
        return LockSource(
            given=text,
            name=_named(os.path.basename(text)),
            lock=read_lock(Path(path)),
            path=path,
            is_policy=False,
        )
    from envguard.cli.policy_named import named_policy

    return _of_policy(text, named_policy(text))


def _run_at(path: str, given: str) -> RunSource | None:
    folder = os.path.dirname(path) if os.path.basename(path) == RECEIPT else path
    if not os.path.lexists(os.path.join(folder, RECEIPT)):
        return None
    receipt = receipt_at(folder)
    if receipt is None:
        return None
    if receipt.judgement is None:
        raise InventoryError(
            "the receipt holds no environment: it could not be read then", where=printable(given)
        )
    files = _files(folder) if receipt.judgement.has_pylock else None
    return RunSource(given, receipt, receipt.judgement, files)


def _run_named(text: str, cwd: str) -> RunSource | None:
    return (
        None if os.sep in text or text in (".", "..") else _run_at(os.path.join(runs_folder(cwd), text), text)
    )


def _files(folder: str) -> Lock | None:
    try:
        return read_lock(Path(folder, PYLOCK))
    except PolicyError as error:
        tell(f"warning: no file is compared with a digest: {error}")
        return None


def _of_policy(text: str, named: NamedPolicy) -> LockSource:
    parsed = named.parsed()
    if parsed.lock is None:
        hint = "envguard policy new --from-env ENV writes one with a lock"
        raise UsageError("the policy has no lock, so it does not say what to install", where=text, hint=hint)
    path = None
    if parsed.folder is not None and parsed.policy.lock is not None:
        path = os.path.join(parsed.folder, parsed.policy.lock)
    rules = parsed.policy.rules
    return LockSource(
        given=named.given,
        name=_named(named.given),
        lock=parsed.lock,
        choice=rules.choice,
        rule=rules.python,
        path=path,
        is_policy=True,
    )


def _named(text: str) -> str:
    """A text as a part of a folder's name."""
    name = _SAFE.sub("-", os.path.basename(text)).strip("-.")
    return name[:_LONGEST_NAME] or "again"
