"""What ``envguard doctor`` found: a line for each thing it looked at, and one thing to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from envguard.report.printable import printable

Level = Literal["ok", "warn", "fail"]
_INDENT = 20


class Checkup(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at."""

    name: str
    level: Level
    """``warn``: somebody may have to act; ``fail``: something does not work."""
    found: str
    hint: str | None = None
    """What to do; null where all is well."""


class DoctorDocument(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/doctor/1"):
    """``doctor --json``."""

    version: str
    python: str
    platform: str
    checks: tuple[Checkup, ...]


def ok(name: str, found: str) -> Checkup:
    """All is well."""
    return Checkup(name=name, level="ok", found=found)


def warn(name: str, found: str, hint: str) -> Checkup:
    """Somebody may have to act."""
    return Checkup(name=name, level="warn", found=found, hint=hint)


def bad(name: str, found: str, hint: str | None) -> Checkup:
    """Something does not work."""
    return Checkup(name=name, level="fail", found=found, hint=hint)


def doctor_lines(document: DoctorDocument) -> Iterator[str]:
    """Answer what a person reads."""
    yield f"envguard {document.version}, Python {document.python}, {document.platform}"
    for each in document.checks:
        yield f"{each.level:6}{each.name:{_INDENT - 6}}{printable(each.found)}"
        if each.hint is not None:
            yield f"{'':{_INDENT}}{printable(each.hint)}"
    levels = [each.level for each in document.checks]
    bad_ones, doubtful = levels.count("fail"), levels.count("warn")
    yield f"{bad_ones} failed, {doubtful} to look at, {levels.count('ok')} well"
