"""Rows as CSV."""

from __future__ import annotations

import csv
import io
from datetime import datetime

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from envguard.report.rows import as_csv
from tests.report.arranging import NOW


class Row(msgspec.Struct, frozen=True):
    """As any list has."""

    text: str
    number: int = 0
    at: datetime | None = None
    several: tuple[str, ...] = ()
    labels: dict[str, str] = {}


def cells(*rows: Row) -> list[list[str]]:
    return list(csv.reader(io.StringIO(as_csv(Row, rows))))


def test_each_kind_of_value_has_its_form() -> None:
    row = Row("gym", 3, NOW, ("a", "b"), {"gpu": "a100", "rack": "7"})
    assert cells(row, Row("")) == [
        ["text", "number", "at", "several", "labels"],
        ["gym", "3", "2026-11-24T12:00:00Z", "a; b", "gpu=a100; rack=7"],
        ["", "0", "", "", ""],
    ]


@given(st.text(max_size=20))
def test_no_cell_begins_a_formula_and_no_text_is_lost(text: str) -> None:
    printed = as_csv(Row, [Row(text)])
    [_, line] = csv.reader(io.StringIO(printed, newline=""))
    assert not line[0].startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert line[0] in (text, f"'{text}")
    assert printed.splitlines()[0].startswith('"text"')
