"""What every text that a message brings is held to before it is kept."""

from __future__ import annotations

from envguard.server.refusals import RefusalError

TEXT_LIMIT = 200
"""Characters."""


def check_name(field: str, text: str) -> None:
    """Hold a field to being a name; raises RefusalError with 400."""
    if not text.strip():
        raise RefusalError(400, f"malformed body: empty - at `$.{field}`")
    check_text(field, text)


def check_text(field: str, text: str) -> None:
    """Hold a field to one short line; raises RefusalError with 400."""
    if len(text) > TEXT_LIMIT or not text.isprintable():
        raise RefusalError(
            400, f"malformed body: over {TEXT_LIMIT} characters, or unprintable ones - at `$.{field}`"
        )
