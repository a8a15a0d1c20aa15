"""Reading back what ``scan --json`` printed, and snapshots on their own.

Rules
1. What is read must be as its schema says, or an error names the file and the field. Fields that are not
   known are passed over: a later version may have added them.
2. Digests are not believed but computed again from what is read.
3. A snapshot on its own is one without ``schema``: what the agent sends, or the ``snapshot`` of a scan.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TypeVar

import msgspec

from envguard.domain.environment import (
    Environment,
    EnvironmentKind,
    EnvironmentRecord,
    Integrity,
    Package,
    Project,
    Scan,
    Snapshot,
    Unread,
    digest_of,
    snapshot_of,
)
from envguard.domain.facts import MachineFacts
from envguard.errors import InventoryError
from envguard.report.documents import Time

SAVED_LIMIT_BYTES = 64 * 1024 * 1024
"""No saved scan is larger."""

SCAN_SCHEMA = "envguard/scan/1"

Shape = TypeVar("Shape")
"""What a text is read as."""

_HINT = "envguard scan --json > scan.json"
_PLACE = re.compile(r"(?P<what>.*) - at `(?P<field>[^`]*)`", re.DOTALL)


class SavedScan(msgspec.Struct, frozen=True):
    """A look at a machine of some name."""

    machine: str
    scan: Scan
    taken_at: datetime | None = None
    """None where the scan does not say: an older envguard printed it."""


class _Machine(msgspec.Struct, frozen=True):
    name: str
    facts: MachineFacts


class _Environment(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    path_bytes: bytes | None = None
    kind: EnvironmentKind
    snapshot: Snapshot
    python: str = ""
    also: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    shared_as: str | None = None
    owner: str | None = None
    home: str | None = None
    integrity: Integrity | None = None
    project: Project | None = None
    blas: str | None = None


class _Scan(msgspec.Struct, frozen=True, kw_only=True):
    machine: _Machine
    environments: tuple[_Environment, ...]
    taken_at: Time | None = None
    incomplete: bool = False
    unread: tuple[Unread, ...] = ()


class _Head(msgspec.Struct):
    schema: str | None = None


def read_saved(content: bytes, place: str) -> SavedScan | Snapshot:
    """Answer the scan or the snapshot that a JSON text holds.

    ``place`` is the file, for errors: InventoryError where it is neither.
    """
    schema = _decode(content, _Head, place).schema
    if schema is None:
        return _as_taken(_decode(content, Snapshot, place))
    if schema != SCAN_SCHEMA:
        raise InventoryError(f"neither a scan nor a snapshot: `{schema}`", where=place, hint=_HINT)
    saved = _decode(content, _Scan, place)
    return SavedScan(
        saved.machine.name,
        Scan(
            saved.machine.facts,
            tuple(map(_environment, saved.environments)),
            is_incomplete=saved.incomplete,
            unread=saved.unread,
        ),
        saved.taken_at,
    )


def _decode(content: bytes, shape: type[Shape], place: str) -> Shape:
    try:
        return msgspec.json.decode(content, type=shape)
    except msgspec.ValidationError as error:
        match = _PLACE.fullmatch(str(error))
        where = f"{place}: {match['field']}" if match else place
        raise InventoryError(
            _lower(match["what"] if match else str(error)), where=where, hint=_HINT
        ) from error
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise InventoryError(f"not JSON: {_lower(str(error))}", where=place, hint=_HINT) from error
    except RecursionError as error:
        raise InventoryError("nested too deeply for a saved scan", where=place, hint=_HINT) from error


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _environment(saved: _Environment) -> Environment:
    snapshot = _as_taken(saved.snapshot)
    record = EnvironmentRecord(
        path=saved.path,
        path_bytes=saved.path_bytes,
        python=saved.python,
        kind=saved.kind,
        digest=digest_of(snapshot),
        also=saved.also,
        names=saved.names,
        shared_as=saved.shared_as,
        owner=saved.owner,
        home=saved.home,
        integrity=saved.integrity,
        project=saved.project,
        blas=saved.blas,
    )
    return Environment(record, snapshot)


def _as_taken(snapshot: Snapshot) -> Snapshot:
    """The snapshot as it was before it was printed: sorted, and without what belongs to the record."""
    return snapshot_of(
        snapshot.interpreter,
        map(_package, snapshot.packages),
        snapshot.problems,
        system_packages=snapshot.system_packages,
        broken_requirements=snapshot.broken_requirements,
    )


def _package(package: Package) -> Package:
    """A scan tells of an editable package the commit that is checked out, which is no part of a snapshot."""
    if package.origin.kind != "editable" or package.origin.commit is None:
        return package
    origin = msgspec.structs.replace(package.origin, commit=None)
    return msgspec.structs.replace(package, origin=origin)
