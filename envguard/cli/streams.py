"""Standard streams that never end a command: a reader that goes away, a stream that was closed.

Rules
1. Who stops reading (``| head -1``) has read enough: the rest is written to nowhere, and the command ends
   with the code that it would have had. A verdict must not change with who reads it.
2. A stream that is closed (``>&-``) is empty, or takes everything.
3. A character that the terminal's encoding lacks is escaped.
"""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


def open_streams() -> None:
    """Make the three streams of this process such."""
    sys.stdin = sys.stdin or io.TextIOWrapper(io.BufferedReader(io.FileIO(os.devnull)), encoding="utf-8")
    sys.stdout = _patient(sys.stdout)
    sys.stderr = _patient(sys.stderr)


def print_instead(text: str) -> None:
    """Print what stands in for all that waits to be written; nothing where something was written.

    For a process that then ends without emptying its buffers.
    """
    file = getattr(sys.stdout.buffer, "raw", None)
    if isinstance(file, _Patient) and not file.is_begun:
        file.write(text.encode())


def take_down() -> list[tuple[int, bytes]]:
    """Answer a list to which all that is written from now on is added: the stream's number, and what."""
    _Patient.written = []
    return _Patient.written


class _Patient(io.FileIO):
    """A file that takes what nobody reads."""

    is_begun = False
    """Whether anything was written."""
    written: list[tuple[int, bytes]] | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        """Write, to nowhere once the reader is gone; answer how many bytes were taken."""
        self.is_begun = True
        taken = self._write(data)
        if self.written is not None:
            self.written.append((self.fileno(), bytes(data)[:taken]))
        return taken

    def _write(self, data: ReadableBuffer) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return super().write(data)


def _patient(stream: TextIO | None) -> TextIO:
    if stream is None:
        return io.TextIOWrapper(io.BufferedWriter(io.FileIO(os.devnull, "w")), encoding="utf-8")
    return io.TextIOWrapper(
        io.BufferedWriter(_Patient(stream.fileno(), "w", closefd=False)),
        encoding=stream.encoding,
        errors="backslashreplace" if stream.errors == "strict" else stream.errors,
        line_buffering=stream.isatty() or stream is sys.stderr,
    )
