"""``pylock.toml`` (PEP 751), as ``packaging`` validates it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from envguard.domain.addresses import plain_address
from envguard.domain.environment import Origin, digest_of_text
from envguard.domain.locks.lock import Artifact, Lock, LockedPackage
from envguard.errors import PolicyError
from envguard.formats.companions import Companions
from envguard.formats.files import shown
from envguard.formats.locks.artifacts import digests_of, file_name_in
from envguard.formats.locks.toml import TomlProblems, read_toml

if TYPE_CHECKING:
    from packaging.pylock import Package, Pylock

_HEAD = {"lock-version": "1.0", "created-by": "envguard"}
"""What an entry needs around it to be validated by itself."""
_HINT = "make it anew: `uv export --format pylock.toml` or `pip lock`"


def parse_pylock(text: str, filename: str, _companions: Companions) -> Lock:
    """Answer the lock that the text of a ``pylock.toml`` says; raises PolicyError with the place."""
    pylock = _validated(text, filename)
    return Lock(
        packages=tuple(_package(package) for package in pylock.packages),
        digest=digest_of_text(text),
        requires_python=_text(pylock.requires_python),
        environments=tuple(str(marker) for marker in pylock.environments or ()),
        extras=tuple(pylock.extras or ()),
        groups=_normal(pylock.dependency_groups),
        default_groups=_normal(pylock.default_groups),
    )


def _package(package: Package) -> LockedPackage:
    return LockedPackage(
        name=str(package.name),
        version=_text(package.version),
        marker=_text(package.marker),
        requires_python=_text(package.requires_python),
        origin=_origin(package),
        artifacts=tuple(_artifacts(package)),
    )


def _normal(groups: Iterable[str] | None) -> tuple[str, ...]:
    return tuple(str(canonicalize_name(group)) for group in groups or ())


def _origin(package: Package) -> Origin | None:
    """Where the package must come from; None for an index, whichever it is."""
    if package.vcs is not None:
        url = plain_address(package.vcs.url) if package.vcs.url else None
        return Origin(kind="vcs", url=url, commit=package.vcs.commit_id)
    if package.directory is not None:
        return Origin(kind="editable" if package.directory.editable else "directory")
    if package.archive is not None:
        return Origin(kind="archive", url=plain_address(package.archive.url) if package.archive.url else None)
    return None


def _artifacts(package: Package) -> Iterator[Artifact]:
    files = [*(package.wheels or ()), *([package.sdist] if package.sdist is not None else ())]
    for file in files:
        yield Artifact(file.name or file_name_in(file.path or file.url or ""), digests_of(file.hashes))
    if package.archive is not None:
        archive = package.archive
        yield Artifact(file_name_in(archive.path or archive.url or ""), digests_of(archive.hashes))


def _text(value: object) -> str | None:
    return str(value) if value is not None and str(value) else None


def _validated(text: str, filename: str) -> Pylock:
    from packaging.pylock import Pylock, PylockValidationError

    document = read_toml(text, filename, _HINT)
    try:
        return Pylock.from_dict(document)
    except PylockValidationError as error:
        problems = TomlProblems(text, filename, _HINT)
        _note_each(document, problems)
        problems.raise_all()  # what is wrong with one entry, or with the head; the rest is between them
        where = problems.where(error.context or "")
        raise PolicyError(f"not a lock: {shown(error.message)}", where=where, hint=_HINT) from error
    except RecursionError as error:
        raise PolicyError("nested too deeply for a lock", where=filename, hint=_HINT) from error
    except ValueError as error:  # numbers that are too long to be any
        raise PolicyError(f"not a lock: {shown(str(error))}", where=filename, hint=_HINT) from error


def _note_each(document: dict[str, object], problems: TomlProblems) -> None:
    """Note what is wrong with the head, and with each entry: the reference stops at the first problem."""
    packages = document.get("packages")
    entries = packages if isinstance(packages, list) else []
    head = {**document, "packages": [] if isinstance(packages, list) else packages}
    _note(head if "packages" in document else document, None, problems)
    for index, entry in enumerate(entries):
        _note({**_HEAD, "packages": [entry]}, ("packages", index), problems)


def _note(document: dict[str, object], table: tuple[str, int] | None, problems: TomlProblems) -> None:
    from packaging.pylock import Pylock, PylockValidationError

    try:
        Pylock.from_dict(document)
    except PylockValidationError as error:
        key = error.context or ""
        if table is not None:
            key = key.removeprefix("packages[0]").removeprefix(".")
        problems.add(f"not a lock: {shown(error.message)}", key, table)
