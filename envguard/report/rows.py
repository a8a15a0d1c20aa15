"""Rows as CSV (RFC 4180), safe to open in a spreadsheet.

Rules
1. The first line names the columns; a column is a field of the rows' type, in its order.
2. What a spreadsheet would take for a formula has an apostrophe before it: such a cell begins with ``=``,
   ``+``, ``-``, ``@``, a tab or an end of line. Every cell is quoted: in some countries cells are parted at
   ``;``.
3. Several values in one cell stand with ``; `` between; nothing known is an empty cell.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def as_csv(kind: type[msgspec.Struct], rows: Iterable[msgspec.Struct]) -> str:
    """Answer the rows, which are of this type, under a line of columns."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(kind.__struct_encode_fields__)
    for row in rows:
        writer.writerow(map(_cell, msgspec.structs.astuple(row)))
    return text.getvalue()


def _cell(value: object) -> str:
    text = _text(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case Mapping():
            return "; ".join(f"{key}={each}" for key, each in value.items())
        case tuple():
            return "; ".join(map(str, value))
        case _:
            return str(value)
