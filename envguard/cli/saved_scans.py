"""Folders of saved scans, as ``envguard team --from`` takes them.

Rules
1. What counts in a folder is every file whose name ends in ``.json``; folders below it are not looked into.
2. A file that cannot be read, or holds no scan, is named with its field and left out: the others still count.
3. Of equal environments one snapshot is held, so that many machines take little memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path

import msgspec

from envguard.domain.environment import Digest, Environment, Snapshot
from envguard.errors import InventoryError, UsageError
from envguard.inventory.files import Reader
from envguard.report.printable import printable
from envguard.report.saved import SAVED_LIMIT_BYTES, SavedScan, read_saved
from envguard.report.saved_team import FoundScan
from envguard.wire import LeftOut

MOST_FILES = 10_000
_HINT = "envguard scan --json > DIR/ws-7.json, for each machine"


class FoundScans(msgspec.Struct, frozen=True):
    """What the folders hold."""

    scans: tuple[FoundScan, ...]
    unreadable: tuple[LeftOut, ...]


def scans_in(folders: Sequence[Path]) -> FoundScans:
    """Answer the saved scans; raises UsageError where there is no file at all, or too many."""
    paths = [path for folder in folders for path in _files(folder)]
    if not paths:
        raise UsageError(f"no saved scan in: {', '.join(map(str, folders))}", where="--from", hint=_HINT)
    if len(paths) > MOST_FILES:
        raise UsageError(f"more than {MOST_FILES} files: {len(paths)}", where="--from")
    held: dict[Digest, Snapshot] = {}
    found = [_scan_or_reason(path, held) for path in paths]
    return FoundScans(
        tuple(each for each in found if isinstance(each, FoundScan)),
        tuple(each for each in found if isinstance(each, LeftOut)),
    )


def _files(folder: Path) -> Iterator[Path]:
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        reason = f"the folder cannot be read: {error.strerror}"
        raise UsageError(reason, where=f"--from {folder}") from error
    yield from (path for path in paths if path.suffix == ".json" and not path.name.startswith("."))


def _scan_or_reason(path: Path, held: dict[Digest, Snapshot]) -> FoundScan | LeftOut:
    try:
        return _read(path, held)
    except InventoryError as error:
        return LeftOut(file=printable(str(path)), reason=_reason(error, path))


def _read(path: Path, held: dict[Digest, Snapshot]) -> FoundScan:
    place = printable(str(path))
    try:
        content = Reader(os.getuid()).read(str(path), cap_bytes=SAVED_LIMIT_BYTES)
        modified_s = path.stat().st_mtime
    except OSError as error:
        raise InventoryError((error.strerror or "cannot be read").lower(), where=place) from error
    found = read_saved(content, place)
    if isinstance(found, Snapshot):
        raise InventoryError("a snapshot on its own: it names no machine", where=place)
    if not found.machine.strip():
        raise InventoryError("empty", where=f"{place}: $.machine.name")
    taken_at = found.taken_at or datetime.fromtimestamp(modified_s, timezone.utc)
    return FoundScan(file=place, saved=_sharing(found, held), taken_at=taken_at)


def _sharing(found: SavedScan, held: dict[Digest, Snapshot]) -> SavedScan:
    environments = tuple(
        Environment(each.record, held.setdefault(each.record.digest, each.snapshot))
        for each in found.scan.environments
    )
    return msgspec.structs.replace(found, scan=msgspec.structs.replace(found.scan, environments=environments))


def _reason(error: InventoryError, path: Path) -> str:
    """What is wrong, with the field, and without the file that is named beside it."""
    field = (error.where or "").removeprefix(printable(str(path))).removeprefix(": ")
    return f"{field}: {error.what}" if field else error.what
