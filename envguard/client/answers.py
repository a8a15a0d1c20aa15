"""What an answer means: the message that was asked for, a refusal, or nonsense.

Rules
1. A success is JSON of the expected shape; anything else did not come from an envguard server.
2. 4xx with a refusal's body is a refusal: asking again unchanged is useless. 408 and 429 are not: they ask
   for patience, like 5xx.
3. A redirect is not followed: the secret is for the address that was joined.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import msgspec

from envguard.errors import RefusedError, TransportError
from envguard.wire import Refusal

T = TypeVar("T")

_PATIENCE = (408, 429)
_OF_MESSAGE = (400, 413, 415, 422)
"""What the message itself is to blame for, and not who sent it or where to."""
_SHOWN_CHARACTERS = 1000


class Answer(msgspec.Struct, frozen=True):
    """An HTTP response, read to its end. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def message(answer: Answer, type_: type[T], *, where: str) -> T:
    """Answer the message in a success; RefusedError or TransportError otherwise."""
    if not 200 <= answer.status < 300:
        raise _failure(answer, where)
    try:
        return msgspec.json.decode(answer.body, type=type_)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise TransportError(
            f"not an answer of an envguard server: {error}",
            where=where,
            hint="is the address right, and does nothing (a proxy, a login page) stand in between?",
        ) from error


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Answer what Retry-After asks for, in seconds; a date is measured from the answer's own Date."""
    text = headers.get("retry-after", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        at, sent_at = _time(text), _time(headers.get("date", ""))
        return max((at - sent_at).total_seconds(), 0.0) if at and sent_at else None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _failure(answer: Answer, where: str) -> TransportError:
    if 300 <= answer.status < 400:
        target = shown(answer.headers.get("location", "nowhere"))
        hint = "redirects are not followed; use that address if it is the server's"
        return TransportError(f"redirected to: {target}", where=where, hint=hint)
    refusal = _refusal(answer.body)
    if refusal is not None and answer.status < 500 and answer.status not in _PATIENCE:
        return RefusedError(
            shown(refusal.error),
            where=where,
            hint=refusal.hint and shown(refusal.hint),
            retry_after_s=retry_after_s(answer.headers),
            is_of_message=answer.status in _OF_MESSAGE,
        )
    said = shown(refusal.error) if refusal is not None else f"answered with status {answer.status}"
    hint = (
        "try again later" if answer.status >= 500 or answer.status in _PATIENCE else "is the address right?"
    )
    return TransportError(said, where=where, hint=hint, retry_after_s=retry_after_s(answer.headers))


def shown(text: str) -> str:
    """Answer a text of the other side as one that may be printed: one line, no control characters, short."""
    lines = (line.strip() for line in text.splitlines())
    line = "".join(char if char.isprintable() else " " for char in "; ".join(filter(None, lines)))
    return line[:_SHOWN_CHARACTERS]


def _refusal(body: bytes) -> Refusal | None:
    try:
        refusal = msgspec.json.decode(body, type=Refusal)
        return refusal if refusal.error.strip() else None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _time(text: str) -> datetime | None:
    try:
        parsed = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return parsed if parsed.tzinfo is not None else None
