"""Receipts, written and read again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import msgspec

from envguard.domain.receipt import Receipt
from envguard.errors import StateError
from envguard.report.printable import printable
from envguard.state.receipts import (
    beside,
    newest_first,
    read_receipt,
    write_pylock_beside,
    write_receipt,
)

_LOOKED_AT = 200
"""Receipts, from the newest on, in which the last success of a command is looked for."""


def last_that_worked(receipt: Receipt, folder: str) -> Receipt | None:
    """Answer the last receipt beside this one of the same command that ended well; None without one."""
    for each in islice(beside(folder), _LOOKED_AT):
        found = receipt_in(each)
        if found is None or found.exit_code != 0:
            continue
        if (found.command, found.folder) == (receipt.command, receipt.folder):
            return found
    return None


def receipts_of(cwd: str) -> Iterator[tuple[str, Receipt]]:
    """Yield the folders and receipts of a project's runs, the newest first; what is none is passed over."""
    for folder in newest_first(cwd):
        found = receipt_in(folder)
        if found is not None:
            yield folder, found


def receipt_in(folder: str) -> Receipt | None:
    """Answer the receipt in a folder; None where there is none that can be read."""
    try:
        return receipt_at(folder)
    except StateError:
        return None


def receipt_at(folder: str) -> Receipt | None:
    """Answer the receipt in a folder; None where there is none; raises StateError."""
    content = read_receipt(folder)
    try:
        return None if content is None else msgspec.json.decode(content, type=Receipt)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise StateError("not a receipt that this envguard can read", where=printable(folder)) from error


def put_receipt(folder: str, receipt: Receipt, pylock: str = "") -> None:
    """Write a receipt into its folder, and before it the lock to lie beside it, if any; raises StateError."""
    if pylock:
        write_pylock_beside(folder, pylock)
    write_receipt(folder, msgspec.json.encode(receipt) + b"\n")
