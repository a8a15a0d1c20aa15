"""What was probably meant: the nearest of the right words."""

from __future__ import annotations

from collections.abc import Iterable

_LONGEST_GUESSED = 60
"""Characters; comparing longer ones takes long, and nobody mistypes them."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Answer the known word that is most like this one; None where none is like it."""
    from difflib import get_close_matches  # needed only where something is wrong: 3 ms

    return next(iter(get_close_matches(word[:_LONGEST_GUESSED], list(known), n=1)), None)
