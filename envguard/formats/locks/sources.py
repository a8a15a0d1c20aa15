"""What a lock says of where an entry comes from, and of its files, as our own values."""

from __future__ import annotations

import re
from urllib.parse import unquote

from envguard.domain.environment import Origin
from envguard.domain.lock import Artifact

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<host>[^/?#]*)(?P<path>[^?#]*)")


def git_origin(url: str, commit: str | None) -> Origin:
    """Answer the origin of what lies in a repository."""
    return Origin(kind="vcs", url=plain_url(url.removeprefix("git+")), commit=commit)


def plain_url(url: str) -> str | None:
    """Answer a URL as the inventory keeps it: without user, query and fragment; None for local files."""
    parts = _URL.match(url)
    if parts is None or parts["scheme"].lower().endswith("file"):
        return None
    return f"{parts['scheme']}://{parts['host'].rpartition('@')[2]}{parts['path']}"


def artifact(place: str, digest: str | None) -> Artifact:
    """Answer a file by its name, its path or its URL."""
    name = place.partition("#")[0].partition("?")[0].rstrip("/").rpartition("/")[2]
    return Artifact(unquote(name) if "%" in name else name, (digest,) if digest else ())
