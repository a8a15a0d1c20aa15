"""Which commit is checked out in a folder, told by git's files; git itself is never run.

Rules (gitrepository-layout)
1. The repository is that of the nearest folder upwards, on one file system, that holds ``.git``: a folder,
   or a file that names one (worktrees, submodules).
2. ``HEAD`` is a commit, or names a reference; a reference is a file of its own, else a line of
   ``packed-refs``. Except for a worktree's own they lie in the common folder.
3. What cannot be told is None: no repository, no commit yet, references kept in a table (reftable).
4. Everything is read for the environment's owner, and only where that owner could go.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from envguard.inventory.files import Reader

_SMALL_CAP_BYTES = 4096
_PACKED_CAP_BYTES = 32 * 1024 * 1024
_LONGEST_CHAIN = 5
"""References that name references; git itself follows no more."""
_COMMIT = rb"[0-9a-f]{40}(?:[0-9a-f]{24})?"
_LINK = b"gitdir: "
_REFERENCE = rb"refs(?:/[^/\x00-\x20\x7f~^:?*\[\\]+)+"
_OWN_REFERENCES = (b"refs/bisect/", b"refs/worktree/", b"refs/rewritten/")


class _Repository(msgspec.Struct, frozen=True):
    own: str
    """Where HEAD lies."""
    common: str
    """Where the references lie; the same but for a worktree."""


def commit_of(folder: str, reader: Reader) -> str | None:
    """Answer the full id of the commit that is checked out in a folder; None where there is none."""
    try:
        repository = _repository_around(folder, reader)
        commit = None if repository is None else _resolve(repository, reader, b"HEAD")
    except (OSError, ValueError):
        return None
    return None if commit is None else commit.decode()


def _repository_around(folder: str, reader: Reader) -> _Repository | None:
    folder = os.path.realpath(folder)
    device = os.stat(folder).st_dev
    while os.stat(folder).st_dev == device:
        found = _repository_in(folder, reader)
        if found is not None:
            return found
        if folder == os.path.dirname(folder):
            return None
        folder = os.path.dirname(folder)
    return None


def _repository_in(folder: str, reader: Reader) -> _Repository | None:
    """The repository of which this folder is the top; ValueError where its ``.git`` is a file without one."""
    place = os.path.join(folder, ".git")
    if not reader.may_enter(folder) or not os.path.isfile(place):
        return _repository_at(place, reader)
    content = reader.read(place, cap_bytes=_SMALL_CAP_BYTES)
    named = os.fsdecode(content.removeprefix(_LINK).rstrip(b"\r\n")) if content.startswith(_LINK) else ""
    found = _repository_at(os.path.join(folder, named), reader) if named else None
    if found is None:
        raise ValueError(place)
    return found


def _repository_at(place: str, reader: Reader) -> _Repository | None:
    own = os.path.normpath(place)
    if not reader.may_enter(own) or not os.path.lexists(os.path.join(own, "HEAD")):
        return None
    common = _common(own, reader)
    return _Repository(own, common) if os.path.isdir(os.path.join(common, "objects")) else None


def _common(own: str, reader: Reader) -> str:
    try:
        content = _read(reader, own, "commondir", _SMALL_CAP_BYTES)
    except FileNotFoundError:
        return own
    return os.path.normpath(os.path.join(own, os.fsdecode(content.strip())))


def _resolve(repository: _Repository, reader: Reader, name: bytes) -> bytes | None:
    for _ in range(_LONGEST_CHAIN):
        content = _content(repository, reader, name)
        if content is None:
            return None
        if not content.startswith(b"ref:"):
            return content if re.fullmatch(_COMMIT, content) else None
        name = content[len(b"ref:") :].strip()
        if not re.fullmatch(_REFERENCE, name) or b".." in name:
            return None
    return None


def _content(repository: _Repository, reader: Reader, name: bytes) -> bytes | None:
    """What a reference says: a commit, or ``ref:`` and another's name."""
    is_own = name == b"HEAD" or name.startswith(_OWN_REFERENCES)
    folder = repository.own if is_own else repository.common
    path = os.path.join(folder, os.fsdecode(name))
    if os.path.lexists(path) and not os.path.isdir(path):  # packing may leave a folder of that name
        return _read(reader, folder, os.fsdecode(name), _SMALL_CAP_BYTES).strip()
    packed = _read(reader, repository.common, "packed-refs", _PACKED_CAP_BYTES)
    line = re.search(rb"^([0-9a-f]+) " + re.escape(name) + rb"$", packed, re.MULTILINE)
    return line[1] if line else None


def _read(reader: Reader, folder: str, name: str, cap_bytes: int) -> bytes:
    path = os.path.join(folder, name)
    if not reader.may_enter(os.path.dirname(path)):
        raise PermissionError(path)
    return reader.read(path, cap_bytes=cap_bytes)
