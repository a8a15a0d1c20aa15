r"""Text from files of others, made harmless: control characters become ``\xNN`` or ``\uNNNN``.

A terminal obeys escape sequences, and a line may be turned around by characters that nobody sees.
"""

from __future__ import annotations


def printable(text: str) -> str:
    """Answer the text as one line in which every character shows."""
    return text if text.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in text)


def one_line(text: str) -> str:
    """Answer a sentence that somebody wrote over several lines as one that is printable."""
    return printable(" ".join(text.split()))


def encodable(text: str) -> str:
    """Answer the text as UTF-8 can hold it: bytes that are none are escaped, line ends stay."""
    return "".join(_escaped(c) if "\ud800" <= c <= "\udfff" else c for c in text)


def _escaped(character: str) -> str:
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
