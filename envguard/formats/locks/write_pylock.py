"""A lock as ``pylock.toml`` (PEP 751), without the addresses of registries.

Rules
1. Files are named by a path that is their name: each machine fetches them where it fetches everything, and
   the hashes say whether they are the right ones. Repositories and archives that somebody named by their
   address keep it, without credentials.
2. The lock is flat (``domain.locks.flat``). A default group is told twice, as one that can be chosen and as
   one that is taken when nobody chooses: so it is read.
3. What PEP 751 has no place for is left out and named: conda's packages, folders and repositories of one
   machine, archives without a hash, what has no version. Constraints ask for nothing, and are left out
   silently.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping

from packaging.version import Version

from envguard.domain.environment import is_commit
from envguard.domain.locks.lock import Artifact, LeftOut, Lock, LockedPackage
from envguard.domain.versions import is_version
from envguard.formats.locks.addresses import is_name, name_and_version

CREATED_BY = "envguard"
"""What the lock says of who made it."""

_DIGEST = re.compile(r"([a-z0-9_]+):([0-9a-fA-F]{8,256})")
_FOLDERS = ("editable", "directory")


def write_pylock(lock: Lock, *, folder: str = ".") -> tuple[str, tuple[LeftOut, ...]]:
    """Answer the text for a flat lock, and what has no place in it.

    ``folder`` is where the lock lies as seen from the folder of what is written.
    """
    tables: list[str] = []
    left_out: list[LeftOut] = []
    for package in lock.packages:
        if package.only_constrains:
            continue
        reason = _reason_against(package)
        if reason is None:
            tables.append("\n".join(_package(package, folder)))
        else:
            left_out.append(LeftOut(package.name, package.version, reason))
    return "\n\n".join(["\n".join(_head(lock)), *tables]) + "\n", tuple(left_out)


def lacks_files(package: LockedPackage) -> bool:
    """Whether the lock has an exact version, and no names of files, which an index could tell."""
    has_place = package.ecosystem == "python" and package.origin is None and not package.only_constrains
    return has_place and _version_of(package) is not None and not _files(package)


def _reason_against(package: LockedPackage) -> str | None:
    """Why the package has no place; None where it has one."""
    if package.ecosystem == "conda":
        return "conda's packages have no place in a pylock.toml"
    if not is_name(package.name):
        return "not a name that a pylock.toml can have"
    if package.origin is None:
        return _reason_against_pin(package)
    if package.origin.kind == "vcs":
        is_pinned = is_commit(package.origin.commit)
        return (
            None
            if is_pinned and package.origin.url is not None
            else "its repository has no address, or no commit, that others could use"
        )
    if package.origin.kind in _FOLDERS:
        return None if _is_beside(package.location) else "its folder is one machine's own"
    if not _hashes(package.artifacts):
        return "the lock has no hash of its archive"
    has_place = package.origin.url is not None or _is_beside(package.location)
    return None if has_place else "its archive lies on one machine"


def _reason_against_pin(package: LockedPackage) -> str | None:
    if _version_of(package) is None:
        return "the lock has no exact version of it that is PEP 440"
    return None if _files(package) else "the lock has no names of its files with their hashes"


def _version_of(package: LockedPackage) -> str | None:
    return package.version if package.version is not None and is_version(package.version) else None


def _is_beside(location: str | None) -> bool:
    return location is not None and not posixpath.isabs(location) and "://" not in location


def _head(lock: Lock) -> Iterator[str]:
    yield 'lock-version = "1.0"'
    yield f"created-by = {_text(CREATED_BY)}"
    if lock.requires_python is not None:
        yield f"requires-python = {_text(lock.requires_python)}"
    groups = dict.fromkeys((*lock.groups, *lock.default_groups))
    lists = (
        ("environments", lock.environments),
        ("extras", lock.extras),
        ("dependency-groups", groups),
        ("default-groups", lock.default_groups),
    )
    for key, values in lists:
        if values:
            yield f"{key} = [{', '.join(map(_text, values))}]"


def _package(package: LockedPackage, folder: str) -> Iterator[str]:
    yield "[[packages]]"
    yield f"name = {_text(package.name)}"
    version = _version_of(package)
    if version is not None:
        yield f"version = {_text(version)}"
    if package.marker is not None:
        yield f"marker = {_text(package.marker)}"
    if package.requires_python is not None:
        yield f"requires-python = {_text(package.requires_python)}"
    yield from _source(package, folder)


def _source(package: LockedPackage, folder: str) -> Iterator[str]:
    origin = package.origin
    if origin is None:
        yield from _index_files(package)
        return
    within = {"subdirectory": package.subdirectory}
    place = _moved(package.location, folder)
    if origin.kind == "vcs":
        told = {"type": "git", "url": origin.url, "commit-id": origin.commit, **within}
        yield f"vcs = {_table(told)}"
    elif origin.kind in _FOLDERS:
        yield f"directory = {_table({'path': place, 'editable': origin.kind == 'editable', **within})}"
    else:
        address: dict[str, object] = {"url": origin.url} if origin.url is not None else {"path": place}
        hashes = _hashes(package.artifacts)
        yield f"archive = {_table({**address, 'hashes': hashes, **within})}"


def _index_files(package: LockedPackage) -> Iterator[str]:
    files = _files(package)
    wheels = [file for file in files if file.filename.endswith(".whl")]
    sdists = [file for file in files if not file.filename.endswith(".whl")]
    if sdists:
        yield f"sdist = {_file(min(sdists, key=lambda each: not each.filename.endswith('.tar.gz')))}"
    if wheels:
        yield "wheels = ["
        yield from (f"    {_file(wheel)}," for wheel in wheels)
        yield "]"


def _files(package: LockedPackage) -> list[Artifact]:
    """The files that PEP 751 lets stand for the package: of its name and version, with a hash."""
    return [artifact for artifact in package.artifacts if _hashes([artifact]) and _is_of(artifact, package)]


def _is_of(artifact: Artifact, package: LockedPackage) -> bool:
    told = name_and_version(artifact.filename)
    version = _version_of(package)
    return told is not None and version is not None and told[0] == package.name and _same(told[1], version)


def _same(one: str, other: str) -> bool:
    return one == other or Version(one) == Version(other)


def _hashes(artifacts: Iterable[Artifact]) -> dict[str, str]:
    found = (_DIGEST.fullmatch(digest) for artifact in artifacts for digest in artifact.digests)
    return {match[1]: match[2].lower() for match in found if match is not None}


def _file(artifact: Artifact) -> str:
    return _table({"path": artifact.filename, "hashes": _hashes([artifact])})


def _moved(location: str | None, folder: str) -> str | None:
    return None if location is None else posixpath.normpath(posixpath.join(folder, location))


def _table(fields: Mapping[str, object]) -> str:
    """An inline table; what is None is left out."""
    told = [f"{key} = {_value(value)}" for key, value in fields.items() if value is not None]
    return f"{{ {', '.join(told)} }}"


def _value(value: object) -> str:
    if isinstance(value, dict):
        return _table(value)
    return ("true" if value else "false") if isinstance(value, bool) else _text(str(value))


def _text(text: str) -> str:
    """A basic string: JSON's escapes are TOML's, save that TOML escapes DEL as well."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
