"""Lines are filled with whole parts, and broken inside one only where it is longer than a line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envguard.report.printing import pack, print_table
from tests.report.arranging import printed, text


@pytest.mark.parametrize(
    ("parts", "packed"),
    [
        pytest.param(["one", "two", "three"], "one; two; three", id="all on one line"),
        pytest.param(["a" * 15, "b" * 15], f"{'a' * 15};\n  {'b' * 15}", id="broken between parts"),
        pytest.param(["one two three four five"], "one two three four\n  five", id="a long part, by words"),
        pytest.param(["x" * 30], "x" * 30, id="a long word stays whole, so that it can be copied"),
    ],
)
def test_parts_stay_together(parts: list[str], packed: str) -> None:
    assert pack(parts, "; ", 20, indent="  ") == packed


def test_a_table_has_no_blanks_at_the_ends_of_its_lines() -> None:
    rows = [("one", "1", ""), ("a longer name", "23", "more")]
    expected = """
        NAME           COUNT  REST
        one                1
        a longer name     23  more
    """
    assert printed(lambda console: print_table(console, ("NAME", "COUNT#", "REST"), rows)) == text(
        expected
    ).rstrip(" ")


@given(st.lists(st.text("ab", min_size=1, max_size=20), min_size=1), st.integers(22, 40))
def test_no_line_is_wider_than_it_may_be_with_its_separator(parts: list[str], width: int) -> None:
    lines = pack(parts, ", ", width).split("\n")
    assert max(map(len, lines)) <= width
    assert "".join(lines).replace(" ", "") == ",".join(parts)
