"""What ``diff`` compares: an environment, a saved scan or one environment of it, a snapshot, or a lock.

Rules, the first that fits
1. ``-`` is a saved scan on standard input.
2. A folder with a receipt, or a receipt, is the environment of that run as it was then.
3. A folder is an environment. A file named as locks are is one; one of JSON is a saved scan or a snapshot.
4. ``FILE:ENV`` is one environment of a saved scan: its path, another name of it, or the end of its path.
5. All else is an environment, as every command takes it.
As in a shell, ``~NAME`` is a file's name where there is nobody of that name.
A saved scan of one environment stands for it, where the other side is no whole machine.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

from envguard.cli.receipts import receipt_at
from envguard.domain.comparison import EnvironmentSide, LockSide, MachineSide, Side
from envguard.domain.environment import Environment, Snapshot
from envguard.domain.receipt import Receipt
from envguard.errors import InventoryError, UsageError
from envguard.report.printable import printable
from envguard.report.saved import SAVED_LIMIT_BYTES, read_saved
from envguard.state.receipts import RECEIPT

_LOCK_SUFFIXES = (".toml", ".txt", ".lock")
_LISTED = 5


def read_sides(a: str, b: str, *, environ: Mapping[str, str], cwd: Path) -> tuple[Side, Side]:
    """Answer both sides, of which neither or both are whole machines.

    Raises UsageError where it is unclear what is meant, InventoryError or PolicyError where a side is broken.
    """
    if a == b == "-":
        raise UsageError("only one side can be standard input", hint="envguard diff - .venv")
    sides = [_side(argument, environ, cwd) for argument in (a, b)]
    if all(isinstance(side, MachineSide) for side in sides):
        return sides[0], sides[1]
    first, second = ((_only(side) if isinstance(side, MachineSide) else side) for side in sides)
    return first, second


def _side(argument: str, environ: Mapping[str, str], cwd: Path) -> Side:
    path = _path_given(argument, cwd)
    run = _receipt(path)
    if run is not None:
        return _of_run(run, argument)
    if argument == "-":
        return _saved(sys.stdin.buffer.read(SAVED_LIMIT_BYTES + 1), argument, "standard input")
    if _is_saved(path):
        return _saved(_read(path), argument, printable(argument))
    if path.name.endswith(_LOCK_SUFFIXES) and os.path.isfile(path):  # noqa: PTH113 - Path raises for a closed folder
        from envguard.formats import read_lock

        return LockSide(given=argument, lock=read_lock(path))
    file, separator, name = argument.partition(":")
    inside = _path_given(file, cwd)
    if separator and not os.path.lexists(path) and file and _is_saved(inside):
        side = _saved(_read(inside), file, printable(file))
        if not isinstance(side, MachineSide):
            raise UsageError("a snapshot holds no environments to choose from", where=printable(file))
        return _picked(side, name, argument)
    return _environment(argument, environ, cwd)


def _receipt(path: Path) -> Receipt | None:
    """The receipt that a path is, or that lies in its folder; None where there is none."""
    folder = path.parent if path.name == RECEIPT else path
    return receipt_at(str(folder)) if os.path.lexists(folder / RECEIPT) else None


def _of_run(run: Receipt, given: str) -> EnvironmentSide:
    judgement = run.judgement
    if judgement is None:
        raise InventoryError("the receipt holds no environment: it could not be read then", where=given)
    return EnvironmentSide(
        given=given,
        snapshot=judgement.snapshot,
        facts=judgement.facts,
        machine=judgement.machine,
        run=run,
    )


def _path_given(text: str, cwd: Path) -> Path:
    return cwd / os.path.expanduser(text)  # noqa: PTH111 - the one of Path raises where there is nobody


def _environment(argument: str, environ: Mapping[str, str], cwd: Path) -> EnvironmentSide:
    from envguard.inventory import choose_environment, machine_facts, read_environment

    found = read_environment(choose_environment(argument, environ=environ, cwd=cwd).path)
    return EnvironmentSide(
        given=argument, snapshot=found.snapshot, record=found.record, facts=machine_facts()
    )


def _is_saved(path: Path) -> bool:
    """Whether a path is JSON: by its name, its first byte, or because it is a pipe, which cannot be asked."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    if stat.S_ISFIFO(mode):
        return True
    if not stat.S_ISREG(mode):
        return False
    return path.suffix == ".json" or _begins_as_json(path)


def _begins_as_json(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(64).lstrip().startswith(b"{")
    except OSError:
        return False


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(SAVED_LIMIT_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise InventoryError(reason, where=printable(str(path))) from error


def _saved(content: bytes, given: str, place: str) -> EnvironmentSide | MachineSide:
    if len(content) > SAVED_LIMIT_BYTES:
        raise InventoryError(f"too large for a saved scan: over {SAVED_LIMIT_BYTES >> 20} MiB", where=place)
    found = read_saved(content, place)
    if isinstance(found, Snapshot):
        return EnvironmentSide(given=given, snapshot=found)
    return MachineSide(given=given, machine=found.machine, scan=found.scan)


def _only(side: MachineSide) -> EnvironmentSide:
    """The one environment of a machine that is compared with something smaller than a machine."""
    environments = side.scan.environments
    if len(environments) == 1:
        return _of(side, environments[0], side.given)
    raise UsageError(
        f"it holds {len(environments)} environments: which one is meant?",
        where=printable(side.given),
        hint=_hint(side),
    )


def _picked(side: MachineSide, name: str, given: str) -> EnvironmentSide:
    for is_meant in (_is_called, _ends_with):
        found = [each for each in side.scan.environments if is_meant(each, name)]
        if len(found) == 1:
            return _of(side, found[0], given)
        if found:
            raise UsageError(f"several environments end with `{name}`", where=side.given, hint=_hint(side))
    raise UsageError(f"it holds no environment `{name}`", where=side.given, hint=_hint(side))


def _is_called(environment: Environment, name: str) -> bool:
    record = environment.record
    return name in (record.path, record.python, *record.also, *record.names)


def _ends_with(environment: Environment, name: str) -> bool:
    return bool(name) and environment.record.path.endswith("/" + name)


def _of(side: MachineSide, environment: Environment, given: str) -> EnvironmentSide:
    return EnvironmentSide(
        given=given,
        snapshot=environment.snapshot,
        record=environment.record,
        facts=side.scan.facts,
        machine=side.machine,
    )


def _hint(side: MachineSide) -> str:
    paths = [f"{side.given}:{each.record.path}" for each in side.scan.environments]
    return ", ".join(paths[:_LISTED]) + (", ..." if len(paths) > _LISTED else "") or "envguard scan --json"
