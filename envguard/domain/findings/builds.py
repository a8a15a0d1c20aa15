"""Whether what is installed can be the very file that a lock or a rule means, as far as that can be known.

Rules
1. A build that a rule names is the local version label (``cu121`` of ``2.4.1+cu121``, one of its parts split
   at dots), or a pattern for the whole of conda's build string or of the wheel's tags.
2. No installer keeps the digest of a wheel that it took from an index. What is known is the digest of an
   archive that was named by its address (PEP 610), and the tags of the wheel: Python, ABI, and the family of
   the platform. Platforms of one family are not told apart: wheels are renamed without their ``WHEEL`` file.
3. What cannot be known is not guessed: it contradicts nothing, and is counted as not known.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Literal

import msgspec

from envguard.domain.environment import Package
from envguard.domain.locks.lock import Artifact, LockedPackage

Evidence = Literal["same", "other", "not-known"]
"""Whether the installed files are those of the lock."""

_WHEEL = re.compile(r"[^-]+-[^-]+(?:-\d[^-]*)?-(?P<python>[^-]+)-(?P<abi>[^-]+)-(?P<platform>[^-]+)\.whl")
_PLATFORM = re.compile(r"(?:many|musl)?(linux|macosx)\d*(?:_\d+)*_(.+)")

Tag = tuple[str, str, str]
"""Python, ABI, and the family of the platform."""


class Hashes(msgspec.Struct, frozen=True):
    """How many packages of a lock with digests are installed from its own files."""

    same: int
    other: int
    not_known: int
    """Their installer kept no digest."""


def has_build(package: Package, build: str) -> bool:
    """Whether an installed package is of the build that a rule names."""
    if has_label(local_label(package.version), build):
        return True
    return package.build is not None and fnmatchcase(package.build, build)


def has_label(label: str | None, build: str) -> bool:
    """Whether a build that a rule names is a local label, or one of its parts."""
    return label is not None and build.lower() in (label, *label.split("."))


def local_label(version: str) -> str | None:
    """Answer a version's local label, normalised (PEP 440, "Local version identifiers"); None without."""
    _, plus, label = version.partition("+")
    return re.sub(r"[-_.]", ".", label).lower() if plus else None


def differs_in_label_only(expected: str, actual: str) -> bool:
    """Whether two versions are the same but for their local labels."""
    return expected.partition("+")[0] == actual.partition("+")[0] and expected != actual


def evidence(package: Package, locked: LockedPackage) -> Evidence:
    """Answer whether the installed files are those that the lock means."""
    kept = package.origin.archive_digest
    wanted = {digest for artifact in locked.artifacts for digest in artifact.digests}
    comparable = kept is not None and any(_algorithm(digest) == _algorithm(kept) for digest in wanted)
    if comparable:
        return "same" if kept in wanted else "other"
    return "other" if is_no_wheel_of(package, locked.artifacts) else "not-known"


def is_no_wheel_of(package: Package, artifacts: tuple[Artifact, ...]) -> bool:
    """Whether none of these files can have been installed as this package.

    Only said where it is certain: all files are wheels with names, and the package tells the tags of its own.
    """
    if package.build is None or package.origin.kind != "index":
        return False
    allowed = tags_of_wheels(artifacts)
    own = _tags(package.build)
    return bool(allowed) and own is not None and not own & allowed


def tags_of_wheels(artifacts: tuple[Artifact, ...]) -> frozenset[Tag]:
    """Answer the tags of all these files; none where one of them is no wheel, or has no name."""
    allowed: set[Tag] = set()
    for artifact in artifacts:
        tags = _tags_of_file(artifact.filename)
        if tags is None:
            return frozenset()
        allowed |= tags
    return frozenset(allowed)


@lru_cache(maxsize=16384)
def _tags_of_file(filename: str) -> frozenset[Tag] | None:
    found = _WHEEL.fullmatch(filename)
    return None if found is None else _expanded(found["python"], found["abi"], found["platform"])


@lru_cache(maxsize=4096)
def _tags(build: str) -> frozenset[Tag] | None:
    parts = build.split("-")[-3:]
    return _expanded(*parts) if len(parts) == 3 else None


def _expanded(python: str, abi: str, platform: str) -> frozenset[Tag]:
    return frozenset(
        (one, two, _family(three))
        for one in python.split(".")
        for two in abi.split(".")
        for three in platform.split(".")
    )


def _family(platform: str) -> str:
    """The operating system and the processor of a platform tag; the tag itself where it has another form."""
    found = _PLATFORM.fullmatch(platform)
    return f"{found[1]} {found[2]}" if found is not None else platform


def _algorithm(digest: str) -> str:
    return digest.partition(":")[0]
