"""What to install so that an environment comes out as it was, or as a lock says; and what cannot be had so.

Rules
1. Each package is asked for in one exact version, by itself: nothing is resolved. Where files are known,
   their digests are asked for as well.
2. A repository is asked for at its commit, an archive by its address. Folders, the system's packages and
   conda's are left to the person, with the words by which pip or uv would install them where there are any.
3. The guard is put there by this envguard, which has no other version of it.
4. pip, setuptools, wheel and uv are tools: where they cannot be had in their version, the rest can.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from envguard.domain.environment import Editable, Origin, Package, Snapshot, is_commit
from envguard.domain.locks.lock import Artifact, Lock, LockedPackage
from envguard.domain.versions import is_version

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_ADDRESS = re.compile(r"(?:https?|ssh|git)://(?!-)[^\s;,$'\"\\#\[\]{}]+")
_DIGEST = re.compile(r"(?:sha256|sha384|sha512):[0-9a-f]{64,128}")
"""Those that pip and uv take."""
_WITHIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
_GUARD = "envguard-guard"
_TOOLS = frozenset({"pip", "setuptools", "wheel", "uv"})


class Ingredient(msgspec.Struct, frozen=True):
    """One package to install."""

    name: str
    version: str | None
    requirement: str
    """As pip and uv take it."""
    digests: tuple[str, ...] = ()
    """One of these its file must have; empty: none is known."""
    is_tool: bool = False
    is_direct: bool = False
    """Asked for by its own address, and not from an index."""


class NotMade(msgspec.Struct, frozen=True):
    """A package that is left to the person."""

    name: str
    version: str | None
    reason: str
    install: tuple[str, ...] = ()
    """What ``pip install`` would be told to have it; empty where nothing is known."""
    commit: str | None = None
    """What is to be checked out for that first."""


class Recipe(msgspec.Struct, frozen=True):
    """All of an environment, save the interpreter."""

    ingredients: tuple[Ingredient, ...]
    not_made: tuple[NotMade, ...]
    has_guard: bool = False
    """Whether the guard is to be there, which no index has."""


def recipe_of_snapshot(snapshot: Snapshot, files: Lock | None, editables: Sequence[Editable]) -> Recipe:
    """Answer what makes a content again; ``files`` is a lock that knows digests of some of it."""
    known = {(each.name, each.version): each.artifacts for each in files.packages} if files else {}
    folders = {each.package: each for each in editables}
    packages = [each for each in snapshot.packages if each.name != _GUARD]
    times = Counter(package.name for package in packages)
    found: list[Ingredient | NotMade] = []
    for package in packages:
        if times[package.name] > 1:
            found.append(NotMade(package.name, package.version, "it lay there twice"))
        else:
            digests = _digests(known.get((package.name, package.version), ()))
            found.append(_of_installed(package, digests, folders.get(package.name)))
    found += [NotMade(each.name, each.version, "conda's own") for each in snapshot.system_packages]
    has_guard = len(packages) < len(snapshot.packages)
    return msgspec.structs.replace(_recipe(found), has_guard=has_guard)


def recipe_of_lock(packages: Mapping[str, LockedPackage], folder: str | None) -> Recipe:
    """Answer what makes the entries of a lock that apply; ``folder`` is where it lies, if on this machine."""
    return _recipe([_of_locked(each, folder) for _, each in sorted(packages.items())])


def _recipe(found: Iterable[Ingredient | NotMade]) -> Recipe:
    parts = list(found)
    return Recipe(
        tuple(each for each in parts if isinstance(each, Ingredient)),
        tuple(each for each in parts if isinstance(each, NotMade)),
    )


def _of_installed(
    package: Package, digests: tuple[str, ...], editable: Editable | None
) -> Ingredient | NotMade:
    name, version, origin = package.name, package.version, package.origin
    match origin.kind:
        case "index":
            return _pin(name, version, digests)
        case "vcs" | "archive":
            told = (origin.archive_digest,) if origin.archive_digest else ()
            return _direct(name, version, origin, told, None)
        case "editable" | "directory":
            return _folder(name, version, origin, _whole(editable.folder) if editable else None, editable)
        case "conda":
            return NotMade(name, version, "conda's own")
        case "debian":
            return NotMade(name, version, "the system's own")
        case _:
            return NotMade(name, version, "nobody knows where it came from")


def _of_locked(package: LockedPackage, folder: str | None) -> Ingredient | NotMade:
    digests = _digests(package.artifacts)
    if package.origin is None:
        if package.version is None:
            return NotMade(package.name, None, "the lock has no exact version of it")
        return _pin(package.name, package.version, digests)
    if package.origin.kind in ("vcs", "archive"):
        return _direct(package.name, package.version, package.origin, digests, package.subdirectory)
    is_known = folder is not None and package.location is not None
    place = f"{folder}/{package.location}" if is_known else None
    return _folder(package.name, package.version, package.origin, place, None)


def _pin(name: str, version: str, digests: tuple[str, ...]) -> Ingredient | NotMade:
    if not _NAME.fullmatch(name) or not is_version(version):
        return NotMade(name, version, "no index can be asked for such a version")
    return Ingredient(name, version, f"{name}=={version}", digests, is_tool=name in _TOOLS)


def _direct(
    name: str, version: str | None, origin: Origin, digests: Sequence[str], within: str | None
) -> Ingredient | NotMade:
    what = "repository" if origin.kind == "vcs" else "archive"
    if origin.url is None:
        return NotMade(name, version, f"its {what} lay on one machine")
    if not _NAME.fullmatch(name) or not _ADDRESS.fullmatch(origin.url):
        return NotMade(name, version, f"the address of its {what} cannot be asked for")
    fragments = [f"subdirectory={within}"] if within and _WITHIN.fullmatch(within) else []
    if origin.kind == "vcs":
        if not is_commit(origin.commit):
            return NotMade(name, version, "the commit of its repository is not known")
        address = f"git+{origin.url}@{origin.commit}"
    else:
        address = origin.url
        fragments += [_fragment(each) for each in digests if _DIGEST.fullmatch(each)][:1]
    requirement = f"{name} @ {address}" + ("#" + "&".join(fragments) if fragments else "")
    return Ingredient(name, version, requirement, is_direct=True)


def _fragment(digest: str) -> str:
    return digest.replace(":", "=", 1)


def _folder(
    name: str, version: str | None, origin: Origin, folder: str | None, editable: Editable | None
) -> NotMade:
    is_editable = origin.kind == "editable"
    reason = "imported from a folder" if is_editable else "installed from a folder"
    words = ("--editable", folder) if is_editable and folder else (folder,) if folder else ()
    commit = editable.commit if editable and is_commit(editable.commit) else None
    return NotMade(name, version, reason, tuple(words), commit)


def _whole(folder: str) -> str | None:
    """A folder that may be pasted; None for a text that pip or uv would take for an option, or for a name."""
    return folder if folder.startswith("/") else None


def _digests(artifacts: Iterable[Artifact]) -> tuple[str, ...]:
    found = (digest for artifact in artifacts for digest in artifact.digests)
    return tuple(dict.fromkeys(digest for digest in found if _DIGEST.fullmatch(digest)))
