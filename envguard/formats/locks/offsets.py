"""Line and column of an offset in a text."""

from __future__ import annotations

import bisect
import re


class Lines:
    """Where the lines of one text begin."""

    def __init__(self, text: str) -> None:
        """Take a text; each line feed in it ends a line."""
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def number_at(self, offset: int) -> int:
        """Answer in which line an offset is, from 1 on."""
        return bisect.bisect_right(self._starts, offset)

    def start_of(self, number: int) -> int | None:
        """Answer where a line begins; None where there are not as many."""
        return self._starts[number - 1] if number <= len(self._starts) else None

    def place(self, offset: int) -> str:
        """Answer ``:LINE:COLUMN``, both from 1 on."""
        number = self.number_at(offset)
        return f":{number}:{offset - self._starts[number - 1] + 1}"
