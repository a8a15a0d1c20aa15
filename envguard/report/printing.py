"""Printing to a terminal: lines that fit, no blanks at their ends, nothing that a terminal would obey."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from envguard.report.printable import printable

_NARROWEST = 20
"""Columns; narrower terminals break the lines themselves."""

if TYPE_CHECKING:
    from rich.console import Console, JustifyMethod, RenderableType
    from rich.segment import Segment
    from rich.text import Text


def words(text: str, style: str = "") -> Text:
    """Answer a text for the console: no markup in it counts, and no control character passes."""
    from rich.text import Text

    return Text(printable(text), style=style)


def print_text(console: Console, text: str, style: str = "") -> None:
    """Print one paragraph, wrapped between words."""
    print_lines(console, words(text, style))


def print_table(console: Console, columns: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> None:
    """Print a table without lines.

    Columns whose names end in ``#`` are numbers. Those that end in ``!`` are copied from here: their words
    stay whole, unless they take more than half of the lines.
    """
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    held = list(rows)
    for number, column in enumerate(columns):
        justify: JustifyMethod = "right" if column.endswith("#") else "left"
        is_whole = column.endswith("!") and max(len(row[number]) for row in held) * 2 <= console.width
        table.add_column(column.rstrip("#!"), overflow="fold", justify=justify, no_wrap=is_whole)
    for row in held:
        table.add_row(*(words(cell) if isinstance(cell, str) else cell for cell in row))
    print_lines(console, table)


def print_lines(console: Console, renderable: RenderableType) -> None:
    """Print anything, without the blanks with which it would fill its lines."""
    from rich.segment import Segment, Segments

    segments: list[Segment] = []
    for line in console.render_lines(renderable, pad=False):
        segments += [*_without_end_blanks(line), Segment.line()]
    console.print(Segments(segments))


def pack(parts: Sequence[str], separator: str, width: int, indent: str = "") -> str:
    """Answer the parts on as few lines as hold them; a line is broken inside a part only where it must be."""
    lines: list[str] = []
    for number, part in enumerate(parts, start=1):
        joined = f"{lines[-1]}{separator}{part}" if lines else part
        follows = separator.rstrip() if number < len(parts) else ""
        if len(joined + follows) <= width:
            lines[-1:] = [joined]
            continue
        if lines:
            lines[-1] += separator.rstrip()
        room = max(width - (len(indent) if lines else 0), _NARROWEST)
        for piece in textwrap.wrap(part, room, break_long_words=False, break_on_hyphens=False):
            lines.append(f"{indent}{piece}" if lines else piece)
    return "\n".join(lines)


def _without_end_blanks(line: Sequence[Segment]) -> list[Segment]:
    kept = list(line)
    while kept and not kept[-1].text.strip():
        kept.pop()
    if kept:
        kept[-1] = kept[-1]._replace(text=kept[-1].text.rstrip())
    return kept
