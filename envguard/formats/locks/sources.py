"""What a lock says of where an entry comes from, and of its files, as our own values."""

from __future__ import annotations

from urllib.parse import unquote

from envguard.domain.addresses import plain_address
from envguard.domain.environment import Origin
from envguard.domain.lock import Artifact


def git_origin(url: str, commit: str | None) -> Origin:
    """Answer the origin of what lies in a repository."""
    return Origin(kind="vcs", url=plain_address(url), commit=commit)


def artifact(place: str, digest: str | None) -> Artifact:
    """Answer a file by its name, its path or its URL."""
    name = place.partition("#")[0].partition("?")[0].rstrip("/").rpartition("/")[2]
    return Artifact(unquote(name) if "%" in name else name, (digest,) if digest else ())
