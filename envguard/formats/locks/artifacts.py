"""The files from which a lock lets a package be installed."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

from envguard.domain.locks.lock import Artifact


def file_name_in(address: str) -> str:
    """Answer the file name at the end of a URL or path, decoded; empty where there is none."""
    place = address.partition("#")[0].partition("?")[0].replace("\\", "/")
    name = place.rpartition("/")[2]
    return unquote(name) if "%" in name else name


def artifact(address: str, digest: str | None) -> Artifact:
    """Answer the file at an address; its digest as a lock writes it, None where it has none."""
    return Artifact(file_name_in(address), (digest,) if digest else ())


def digests_of(hashes: Mapping[str, str]) -> tuple[str, ...]:
    """Answer digests as artifacts have them, from their algorithms and hexadecimal digits."""
    return tuple(f"{algorithm}:{digest.lower()}" for algorithm, digest in hashes.items())
