"""The files from which a lock lets a package be installed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote


def file_name_in(address: str) -> str:
    """Answer the file name at the end of a URL or path, decoded; empty where there is none."""
    return unquote(re.split(r"[?#]", address, maxsplit=1)[0].replace("\\", "/").rpartition("/")[2])


def digests_of(hashes: Mapping[str, str]) -> tuple[str, ...]:
    """Answer digests as artifacts have them, from their algorithms and hexadecimal digits."""
    return tuple(f"{algorithm}:{digest.lower()}" for algorithm, digest in hashes.items())
