"""Keys of TOML of so many parts that only somebody who wants to keep a reader busy writes them.

To read such a key costs the square of the number of its parts: minutes for 100 kB.
"""

from __future__ import annotations

import re

_MOST_DOTS = 99
"""No key that a tool or a person writes has over four."""
# Compiled where it is needed, which is hardly ever.
_LONG_KEY = r"(?:\.[ \t]*(?:[A-Za-z0-9_-]+|\"[^\"\n]*\"|'[^'\n]*')[ \t]*){100}"


def has_long_key(text: str) -> bool:
    """Whether reading the text as TOML would take long for the parts of one key."""
    crowded = (line for line in text.split("\n") if line.count(".") > _MOST_DOTS)
    return any(re.search(_LONG_KEY, line) for line in crowded)
