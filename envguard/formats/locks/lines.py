r"""The logical lines of a requirements file, joined and cut as pip does it ("Requirements File Format").

Rules
1. A line that ends in ``\`` goes on in the next one; a line that is a comment goes on in none.
2. A comment begins with ``#`` at the beginning or after a blank. It is cut after lines were joined.
3. Nothing here takes longer than the text is long: no pattern looks twice at a run of blanks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Line(NamedTuple):
    """One logical line: what it says, and where it begins."""

    number: int
    content: str
    """Without comment, and without blanks around."""
    column: int = 1
    """Of the first character that is not blank, from 1 on."""
    comment: str = ""
    """The comment that stands on a line of its own just above it; freezing tools say there what they mean."""


def logical_lines(text: str) -> Iterator[Line]:
    """Yield the lines that say something."""
    comment = ""
    lines = text.removeprefix("\ufeff").splitlines()
    for number, joined in _joined(lines):
        content = _without_comment(joined).strip()
        if content:
            yield Line(number, content, column_of(lines[number - 1]), comment)
            comment = ""
        elif joined.lstrip().startswith("#"):
            comment = joined.strip()


def column_of(line: str) -> int:
    """Answer the column of the first character that is not blank, from 1 on."""
    return len(line) - len(line.lstrip()) + 1


def split_options(content: str) -> tuple[str, str]:
    """Answer what a line asks for, and the options behind it, from the first word with ``-`` on."""
    position = 0
    while True:
        position = content.find("-", position)
        if position < 0:
            return content, ""
        if position == 0 or content[position - 1].isspace():
            return content[:position].rstrip(), content[position:]
        position += 1


def _joined(lines: list[str]) -> Iterator[tuple[int, str]]:
    start, held = 0, list[str]()
    for number, line in enumerate(lines, start=1):
        is_comment = _is_comment(line)
        if line.endswith("\\") and not is_comment:
            start = start if held else number
            held.append(line.strip("\\"))
            continue
        # pip's way to have a comment found also where it ends a joined line
        last = f" {line}" if is_comment else line
        if held:
            yield start, "".join([*held, last])
            held = []
        else:
            yield number, last
    if held:
        yield start, "".join(held)


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _without_comment(line: str) -> str:
    position = -1
    while True:
        position = line.find("#", position + 1)
        if position < 0:
            return line
        if position == 0 or line[position - 1].isspace():
            return line[:position]
