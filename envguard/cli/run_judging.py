"""The judgement before a run, and the same again while nothing has changed (:mod:`envguard.cli.again`)."""

from __future__ import annotations

import os
from contextlib import suppress
from time import time
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from envguard.cli.again import BROKEN, digest_of_call, folders_that_decide_nothing, kept_answer
from envguard.cli.witness import Witness
from envguard.domain.receipt import Judgement

if TYPE_CHECKING:
    from envguard.cli.judged import Judged
    from envguard.domain.environment import Digest, Environment, Snapshot
    from envguard.domain.facts import MachineFacts
    from envguard.domain.verdict import Verdict

_DRIVER = "/proc/driver/nvidia/version"
_DRIVER_BYTES = 1024
_JUDGEMENT, _PYLOCK = 0, 1
"""Under which numbers the two texts are kept."""


class Before(NamedTuple):
    """What is known before a run."""

    judgement: Judgement
    pylock: str
    """The lock to lie beside the receipt; empty: none."""
    judged: Judged | None
    """All of it; None where it is said again: then it is compliant."""


def judge_before(path: str, policy: str | None) -> Before:
    """Judge the environment at a path. Raises as :func:`envguard.cli.judged.judge_at`."""
    kept = _kept(path, policy)
    if kept is not None:
        return kept
    witness, began_at_s = Witness(folders_that_decide_nothing()), time()
    witness.begin()
    try:
        from pathlib import Path

        from envguard.cli.judged import judge_at
        from envguard.cli.local import this_machine

        judged = judge_at(Path(path), policy)
        before = _before(judged, this_machine().name)
    finally:
        witness.end()
    if judged.verdict.verdict == "compliant":
        _keep(path, policy, before, began_at_s, witness)
    return before


def judge_unkept(path: str, policy: str | None) -> Before:
    """Judge as :func:`judge_before`, in a process that is somebody else's: nothing in it is watched, or kept.

    Where no policy applies there is no verdict, but all else.
    """
    from pathlib import Path

    from envguard.cli.judged import judge_at
    from envguard.cli.local import this_machine
    from envguard.errors import UsageError

    machine = this_machine().name
    try:
        return _before(judge_at(Path(path), policy), machine)
    except UsageError:
        if policy is not None:
            raise
    return _without_policy(path, machine)


def snapshot_after(path: str, policy: str | None, before: Before) -> tuple[Digest | None, Snapshot | None]:
    """Answer the environment's digest after a run, and its content where that is another one.

    None where it cannot be read any more.
    """
    was = before.judgement.verdict.digest
    kept = _kept(path, policy)
    if kept is not None:  # another run may have judged it meanwhile, and not as it was at the start
        digest = kept.judgement.verdict.digest
        return digest, None if digest == was else kept.judgement.snapshot
    from pathlib import Path

    from envguard.errors import EnvguardError
    from envguard.inventory import read_environment

    try:
        found = read_environment(Path(path))
    except EnvguardError:
        return None, None
    return found.record.digest, None if found.record.digest == was else found.snapshot


def _kept(path: str, policy: str | None) -> Before | None:
    """What was judged before, where it still holds."""
    with suppress(*BROKEN):
        digest = digest_of_call(_call(path, policy))
        found = kept_answer(digest) if digest is not None else None
        if found is not None:
            texts = dict(found[1])
            judgement = msgspec.json.decode(texts[_JUDGEMENT], type=Judgement)
            return Before(judgement, texts[_PYLOCK].decode(), None)
    return None


def _keep(path: str, policy: str | None, before: Before, began_at_s: float, witness: Witness) -> None:
    from envguard.cli.checking import Checked
    from envguard.cli.keeping import Answer, holds_until_s, keep

    judged = before.judged
    if judged is None:
        return
    checked = Checked(
        judged.verdict,
        asks_machine=bool(judged.governing.policy.rules.machine),
        tells_age=judged.governing.pulled_at is not None,
    )
    until_s = holds_until_s(checked, began_at_s)
    if until_s is not None:
        texts = ((_JUDGEMENT, msgspec.json.encode(before.judgement)), (_PYLOCK, before.pylock.encode()))
        keep(_call(path, policy), Answer(0, texts, began_at_s, until_s), witness)


def _call(path: str, policy: str | None) -> list[str]:
    """What stands for the question: no command line has these words.

    A driver can be another one without a boot, and no file that is noted says so.
    """
    return ["run", "", os.path.abspath(path), policy or "", _driver()]


def _driver() -> str:
    try:
        descriptor = os.open(_DRIVER, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    with os.fdopen(descriptor, "rb") as file:
        return file.read(_DRIVER_BYTES).decode("latin-1")


def _before(judged: Judged, machine: str) -> Before:
    return _found(judged.environment, judged.verdict, judged.facts, machine, judged)


def _without_policy(path: str, machine: str) -> Before:
    from pathlib import Path

    from envguard.domain.verdict import unmanaged
    from envguard.inventory import machine_facts, read_environment

    environment = read_environment(Path(path))
    return _found(environment, unmanaged(environment.record), machine_facts(), machine, None)


def _found(
    environment: Environment, verdict: Verdict, facts: MachineFacts, machine: str, judged: Judged | None
) -> Before:
    from envguard.runs.pinning import pinned

    record = environment.record
    lock = pinned(environment, judged.governing.lock if judged is not None else None)
    judgement = Judgement(
        python=record.python,
        kind=record.kind,
        verdict=verdict,
        before_run=judged.governing.policy.before_run if judged is not None else "refuse",
        is_own_lock=judged is not None and judged.is_own_lock,
        machine=machine,
        facts=facts,
        snapshot=environment.snapshot,
        has_pylock=bool(lock.text),
        not_locked=lock.left_out if lock.text else (),
        editables=record.editables,
    )
    return Before(judgement, lock.text, judged)
