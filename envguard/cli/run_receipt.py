"""The receipt of a run: written at its start, closed at its end; what goes wrong with it stops no run.

Both are handed on to the server, where there is one. So is a refusal; and, where no receipt is wanted, a run
that was started in spite of its verdict.
"""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from envguard.cli.handing_on import hand_on, has_way, new_key
from envguard.cli.output import now, tell
from envguard.cli.receipts import last_that_worked, put_receipt, receipt_in
from envguard.cli.run_judging import Before, snapshot_after
from envguard.domain.receipt import Receipt
from envguard.domain.secrets import without_secrets
from envguard.errors import EnvguardError, StateError
from envguard.report.printable import encodable
from envguard.state.receipts import named_folder, new_folder

if TYPE_CHECKING:
    from envguard.cli.git import Tree
    from envguard.cli.run_asked import RunAsked
    from envguard.cli.running import Standing


class Open(NamedTuple):
    """A receipt that is not closed yet."""

    folder: str | None
    """None where it is only told to the server."""
    receipt: Receipt
    path: str | None
    """The environment's, as it was looked for."""
    before: Before | None


def open_receipt(
    asked: RunAsked, standing: Standing, tree: Tree, reason: str | None, started_at: datetime, cwd: str
) -> Open | None:
    """Write the receipt of a run that is about to start; None where none is wanted, or none can be.

    Raises UsageError and StateError where somebody named a folder that does not serve.
    """
    receipt = _receipt(asked, standing, reason, started_at, cwd)
    path = standing.target.path if standing.target is not None else None
    folder = None
    if asked.wants_receipt:
        receipt = msgspec.structs.replace(receipt, commit=tree.commit, dirty=tree.dirty)
        folder = _put_new(asked, receipt, standing, cwd)
    if folder is None and not ((asked.wants_receipt or receipt.is_anyway) and has_way()):
        return None
    receipt = msgspec.structs.replace(receipt, id=os.path.basename(folder) if folder is not None else "")
    hand_on("run", receipt, folder)
    return Open(folder, receipt, path, standing.before)


def tell_refused(asked: RunAsked, standing: Standing, started_at: datetime, cwd: str) -> None:
    """Let the server know that a command did not start; it has no receipt."""
    if has_way():
        receipt = _receipt(asked, standing, None, started_at, cwd)
        hand_on("refused", msgspec.structs.replace(receipt, end=started_at), None, is_last=True)


def _receipt(
    asked: RunAsked, standing: Standing, reason: str | None, started_at: datetime, cwd: str
) -> Receipt:
    return Receipt(
        id="",
        command=tuple(map(encodable, without_secrets(asked.command))),
        folder=encodable(cwd),
        environment_from=encodable(standing.target.how) if standing.target is not None else "",
        start=started_at,
        replaced=asked.is_exec,
        allow_drift=encodable(reason) if reason is not None else None,
        judgement=standing.before.judgement if standing.before is not None else None,
        undecided=encodable(str(standing.undecided)) if standing.undecided is not None else None,
        key=new_key(),
    )


def _put_new(asked: RunAsked, receipt: Receipt, standing: Standing, cwd: str) -> str | None:
    """Write a receipt into its folder, and answer that; None where it cannot be, which is said."""
    try:
        named = asked.receipt
        folder = named_folder(named) if named is not None else new_folder(cwd, receipt.start)
        pylock = standing.before.pylock if standing.before is not None else ""
        put_receipt(folder, msgspec.structs.replace(receipt, id=os.path.basename(folder)), pylock)
    except StateError as error:
        if asked.receipt is not None:
            raise
        tell(f"warning: {error}")
        return None
    return folder


def close_receipt(opened: Open, exit_code: int, asked: RunAsked) -> None:
    """Close the receipt of a run that ended, and say what is to be said of its environment.

    What cannot be read or written any more is said: the exit code is the command's all the same.
    """
    try:
        _close(opened, exit_code, asked)
    except (OSError, ValueError, EnvguardError) as error:
        tell(f"warning: the receipt could not be closed: {error}")


def _close(opened: Open, exit_code: int, asked: RunAsked) -> None:
    ended_at, digest = now(), None
    if opened.before is not None and opened.path is not None:
        digest, snapshot = snapshot_after(opened.path, asked.policy, opened.before)
        if snapshot is not None:
            from envguard.report.since import content_changes

            changes = content_changes(opened.before.judgement.snapshot, snapshot)
            tell(f"warning: the environment changed while the command ran: {changes}")
    stamped = receipt_in(opened.folder) if opened.folder is not None else None
    receipt = msgspec.structs.replace(
        opened.receipt,
        end=ended_at,
        exit_code=exit_code,
        digest_at_end=digest,
        parameters=stamped.parameters if stamped is not None else {},
    )
    try:
        if opened.folder is not None:
            put_receipt(opened.folder, receipt)
    finally:
        hand_on("run", receipt, opened.folder, is_last=True)
    if exit_code != 0 and opened.folder is not None:
        _say_what_changed(receipt, opened.folder)


def _say_what_changed(receipt: Receipt, folder: str) -> None:
    from envguard.report.since import since_it_worked

    worked = last_that_worked(receipt, folder)
    if worked is not None:
        tell(since_it_worked(worked, receipt, now()))
