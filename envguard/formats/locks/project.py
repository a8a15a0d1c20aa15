"""``pyproject.toml`` beside a lock: the choices that a tool reads there and does not write into its lock."""

from __future__ import annotations

from envguard.domain.environment import Digest, digest_of_text
from envguard.formats.companions import Companions, beside
from envguard.formats.locks.toml import read_toml

_HINT = "mend it, or take it away: a lock is read without it too"


def read_project(filename: str, companions: Companions) -> tuple[str, dict[str, object]] | None:
    """Answer the text of the ``pyproject.toml`` beside a lock, and what it holds; None where there is none.

    Raises PolicyError where it is there and cannot be read.
    """
    name = beside(filename, "pyproject.toml", filename)
    text = companions.find(name)
    return None if text is None else (text, read_toml(text, name, _HINT))


def table_at(document: object, *path: str) -> dict[str, object]:
    """Answer a table of a document by its path; an empty one where there is none."""
    for key in path:
        document = document.get(key) if isinstance(document, dict) else None
    return document if isinstance(document, dict) else {}


def digest_with(text: str, project: str | None) -> Digest:
    """Answer the digest of a lock's text, and of its project's where that was read too."""
    return digest_of_text(text if project is None else f"{text}\0{project}")
