"""Text of others cannot speak to a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envguard.report.printable import encodable, one_line, printable

ANY_TEXT = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("gym 0.26.2", "gym 0.26.2", id="plain"),
        pytest.param("Zürich 2", "Zürich 2", id="letters of any language"),
        pytest.param("\x1b[31mred", "\\x1b[31mred", id="an escape sequence"),
        pytest.param("\x9b31m", "\\x9b31m", id="the other introducer"),
        pytest.param("a\nb\r", "a\\nb\\r", id="line ends"),
        pytest.param("\u202eevil", "\\u202eevil", id="text that turns around"),
        pytest.param("caf\udce9", "caf\\xe9", id="a byte that is not UTF-8"),
    ],
)
def test_what_does_not_show_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_sentence_over_several_lines_becomes_one() -> None:
    assert one_line("five values\n  since 0.26\n") == "five values since 0.26"


@given(ANY_TEXT)
def test_every_text_becomes_printable(text: str) -> None:
    assert printable(text).isprintable()


@given(ANY_TEXT)
def test_every_text_becomes_utf_8(text: str) -> None:
    assert encodable(text).encode().decode() == encodable(text)


@given(st.text())
def test_text_that_is_utf_8_already_stays(text: str) -> None:
    assert encodable(text) == text
