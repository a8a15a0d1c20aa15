"""The nearest of the right words."""

from __future__ import annotations

import pytest

from envguard.domain.nearest import nearest

KNOWN = ("conda", "pipx", "venv")


@pytest.mark.parametrize(
    ("word", "meant"),
    [("cnoda", "conda"), ("vnev", "venv"), ("venv", "venv"), ("nothing", None), ("", None)],
)
def test_the_nearest_word_is_what_was_meant(word: str, meant: str | None) -> None:
    assert nearest(word, KNOWN) == meant


def test_a_word_of_any_length_is_answered_at_once() -> None:
    assert nearest("conda" * 1_000_000, ("conda" * 1000,)) is None
