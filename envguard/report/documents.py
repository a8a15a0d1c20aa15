"""The JSON that scripts rely on: one document, every field written out.

Rules
1. A document is a type, and its ``schema`` is its tag; ``report.schemas`` publishes them.
2. Fields may be added within a schema's number; none is renamed or removed.
3. A field without a default is always written. The few that may be absent (an origin's url, a fact that is
   not known) are in types that leave out defaults.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from envguard.errors import EnvguardError, PolicyError
from envguard.report.printable import encodable

Time = Annotated[datetime, msgspec.Meta(tz=True)]
"""Aware; written as RFC 3339."""


class ErrorProblem(msgspec.Struct, frozen=True, kw_only=True):
    """One of several problems of a file."""

    message: str
    place: str | None
    hint: str | None


class ErrorPart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What went wrong, where, and what to do about it."""

    kind: str
    message: str
    place: str | None
    hint: str | None
    problems: tuple[ErrorProblem, ...] = ()
    """Each problem of a file that has several."""


class ErrorDocument(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/error/1"):
    """Any command that failed, with ``--json``."""

    error: ErrorPart


def error_document(error: EnvguardError) -> ErrorDocument:
    """Answer an error; all problems of a file are in ``problems``."""
    problems = error.problems if isinstance(error, PolicyError) else ()
    return ErrorDocument(
        error=ErrorPart(
            kind=error.kind,
            message=encodable(error.what),
            place=_encodable(error.where),
            hint=_encodable(error.hint),
            problems=tuple(map(_problem, problems)) or (),
        )
    )


def _problem(error: PolicyError) -> ErrorProblem:
    return ErrorProblem(
        message=encodable(error.what), place=_encodable(error.where), hint=_encodable(error.hint)
    )


def to_json(document: object) -> str:
    """Answer the document as indented JSON text."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _encodable(text: str | None) -> str | None:
    return None if text is None else encodable(text)
