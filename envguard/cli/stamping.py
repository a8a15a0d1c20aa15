"""A receipt of where one is: for a script that was not started by ``run``, or to say more of one that was.

Rules
1. Where the folder has no receipt, one is written: of this interpreter's environment, whatever the verdict.
2. Where it has one, the parameters are added to it, and nothing else of it changes.
3. The server is told of both, where there is one.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Mapping

import msgspec

from envguard.cli.git import answer_of, ask_git
from envguard.cli.handing_on import hand_on, new_key
from envguard.cli.output import current_folder, now
from envguard.cli.receipts import put_receipt, receipt_in
from envguard.cli.run_judging import judge_unkept
from envguard.domain.receipt import Parameter, Receipt
from envguard.domain.secrets import without_secrets
from envguard.domain.verdict import Verdict
from envguard.errors import StateError, UsageError
from envguard.report.printable import encodable
from envguard.state.receipts import RECEIPT, named_folder

STAMPED = "stamped"
"""How the environment of a stamp was found."""


def stamp(directory: str | os.PathLike[str], params: Mapping[str, object] | None = None) -> None:
    """Write into a folder in which environment this process runs, and what you say of the run.

    Where the folder has a receipt already, ``params`` are added to it. The active runs of MLflow and W&B are
    told the verdict that is in it.
    Raises EnvguardError where that cannot be done.
    """
    receipt = stamp_run(os.fspath(directory), params or {}, _own(), tuple(sys.orig_argv), None)
    if receipt.verdict is not None and ("mlflow" in sys.modules or "wandb" in sys.modules):
        _tag_run(receipt.verdict)


def stamp_run(
    folder: str, params: Mapping[str, object], environment: str, command: tuple[str, ...], policy: str | None
) -> Receipt:
    """Write or complete the receipt in a folder, and answer it; ``command`` is what runs, if anything."""
    told = {encodable(name): _parameter(value) for name, value in params.items()}
    if os.path.lexists(os.path.join(folder, RECEIPT)):
        return _add(folder, told)
    at, cwd = now(), current_folder()
    question = ask_git(cwd)
    before = judge_unkept(environment, policy)
    tree = answer_of(question)
    place = named_folder(folder)
    receipt = Receipt(
        id=os.path.basename(place),
        command=tuple(map(encodable, without_secrets(command))),
        folder=encodable(cwd),
        environment_from=STAMPED,
        start=at,
        end=None if command else at,
        judgement=before.judgement,
        commit=tree.commit,
        dirty=tree.dirty,
        parameters=told,
        key=new_key(),
    )
    put_receipt(place, receipt, before.pylock)
    hand_on("stamp", receipt, place)
    return receipt


def _add(folder: str, params: Mapping[str, Parameter]) -> Receipt:
    receipt = receipt_in(folder)
    if receipt is None:
        raise StateError("the receipt there cannot be read", where=folder)
    if not params:
        raise UsageError("there is a receipt already", where=folder, hint="name another folder")
    added = msgspec.structs.replace(receipt, parameters={**receipt.parameters, **params})
    put_receipt(folder, added)
    hand_on("run" if added.environment_from != STAMPED else "stamp", added, folder)
    return added


def _tag_run(verdict: Verdict) -> None:
    from envguard.guard import trackers
    from envguard.guard import verdict as guards

    policy = verdict.policy
    name, revision = (None, None) if policy is None else (policy.name, policy.revision)
    trackers.tag_run(guards.Verdict(verdict.verdict, verdict.environment, verdict.digest, name, revision))


def _own() -> str:
    """The environment of this process: of a virtual one the folder, else its interpreter."""
    return sys.prefix if sys.prefix != sys.base_prefix or not sys.executable else sys.executable


def _parameter(value: object) -> Parameter:
    """A value as JSON has it; all others as their text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else str(value)
    if isinstance(value, float) and math.isfinite(value):
        return value
    return encodable(str(value))
