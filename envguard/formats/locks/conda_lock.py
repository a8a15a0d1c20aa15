"""``conda-lock.yml``: conda-lock's unified format, version 1, for several platforms at once.

Rules
1. An entry is for one platform; it applies where that platform's marker holds.
2. The category ``main`` must always be there (conda-lock always installs it). The others are groups that can
   be chosen: ``dev``, and what conda-lock's own command line calls extras.
3. An entry of conda's is one file: name, version and build. One of pip's is a pin, or where conda-lock took
   it from an address or a repository, just that.
"""

from __future__ import annotations

from collections.abc import Iterator

from packaging.utils import canonicalize_name

from envguard.domain.environment import digest_of_text
from envguard.domain.locks.lock import Artifact, Lock, LockedPackage
from envguard.errors import PolicyError
from envguard.formats.companions import Companions
from envguard.formats.files import shown
from envguard.formats.locks.addresses import is_name, parse_digest, parse_reference
from envguard.formats.locks.artifacts import file_name_in
from envguard.formats.locks.conda_platforms import conda_package, parts_of_file, platform_marker
from envguard.formats.locks.groups import grouped
from envguard.formats.locks.requirement import LONGEST_VERSION
from envguard.formats.locks.yaml_tree import Items, Problems, Table, Text, read_tree

_HINT = "make it anew: `conda-lock lock`"

_Grouped = tuple[str | None, LockedPackage]


def parse_conda_lock(text: str, filename: str, _companions: Companions) -> Lock:
    """Answer the lock that a ``conda-lock.yml`` says; raises PolicyError with every wrong entry."""
    problems = Problems(filename, _HINT)
    root = read_tree(text, problems)
    version = problems.text(root, "version", "")
    if version not in (None, "1"):
        what = f"this version of envguard reads conda-lock's version 1, not `{shown(version or '')}`"
        problems.note(root.entries["version"], "version", what)
    platforms = dict(_platforms(root, problems))
    entries = list(_entries(root, platforms, problems))
    if not entries and not problems.found:
        problems.note(root, "package", "the lock names no packages")
    problems.raise_all()
    return Lock(
        packages=tuple(grouped(entries)),
        digest=digest_of_text(text),
        environments=tuple(platforms.values()),
        groups=tuple(sorted({group for group, _ in entries if group is not None})),
    )


def _platforms(root: Table, problems: Problems) -> Iterator[tuple[str, str]]:
    """Yield the platforms that the lock was made for, each with its marker."""
    metadata = root.entries.get("metadata")
    if not isinstance(metadata, Table):
        problems.note(metadata or root, "metadata", "keys and values are expected")
        return
    if "platforms" not in metadata.entries:
        problems.note(metadata, "metadata.platforms", "the key is missing")
    for key, item in problems.items(metadata, "platforms", "metadata"):
        name = item.text if isinstance(item, Text) else None
        marker = platform_marker(name or "")
        if name is None or marker is None:
            problems.note(item, key, f"not a platform of conda's: `{shown(name or '')}`")
        else:
            yield name, marker


def _entries(root: Table, platforms: dict[str, str], problems: Problems) -> Iterator[_Grouped]:
    if "package" not in root.entries:
        problems.note(root, "package", "the key is missing")
    for key, item in problems.items(root, "package", ""):
        if not isinstance(item, Table):
            problems.note(item, key, "keys and values are expected")
            continue
        platform = problems.text(item, "platform", key)
        if platform is not None and platform not in platforms:
            what = f"not one of the lock's platforms: `{shown(platform)}`"
            problems.note(item, f"{key}.platform", what)
        package = _package(item, key, platforms.get(platform or ""), problems)
        if package is not None:
            for group in _groups(item, key, problems):
                yield group, package


def _package(item: Table, key: str, marker: str | None, problems: Problems) -> LockedPackage | None:
    name, version, manager, url = (
        problems.text(item, each, key) for each in ("name", "version", "manager", "url")
    )
    if name is None or version is None or manager is None or url is None:
        return None
    if not is_name(name.lstrip("_")):
        problems.note(item, f"{key}.name", f"not a package's name: `{shown(name)}`")
    elif not version.strip() or len(version) > LONGEST_VERSION:
        problems.note(item, f"{key}.version", f"not a version: `{shown(version)}`")
    elif manager == "conda":
        return _of_conda(item, key, (name, version, url), marker, problems)
    elif manager == "pip":
        return _of_pip(item, key, (name, version, url), marker, problems)
    else:
        problems.note(item, f"{key}.manager", f"not one of conda, pip: `{shown(manager)}`")
    return None


def _of_conda(
    item: Table, key: str, said: tuple[str, str, str], marker: str | None, problems: Problems
) -> LockedPackage | None:
    name, version, url = said
    filename = file_name_in(url)
    parts = parts_of_file(filename)
    build = problems.text(item, "build", key, is_needed=False)
    if parts is None and build is None:
        problems.note(item, f"{key}.url", f"not a package file of conda's: `{shown(url)}`")
        return None
    build = build or (parts[2] if parts is not None else "")
    return conda_package(filename, (name.lower(), version, build), _digests(item, key, problems), marker)


def _of_pip(
    item: Table, key: str, said: tuple[str, str, str], marker: str | None, problems: Problems
) -> LockedPackage | None:
    name, version, url = said
    source = item.entries.get("source")
    address = problems.text(source, "url", f"{key}.source") if isinstance(source, Table) else None
    normalised = str(canonicalize_name(name))
    if address is not None or url.startswith("git+"):
        try:
            reference = parse_reference(address or url, problems.where(item, f"{key}.url"))
        except PolicyError as problem:
            problems.keep(problem)
            return None
        return reference.package(normalised, marker)
    filename = file_name_in(url)
    artifacts = (Artifact(filename, _digests(item, key, problems)),)
    return LockedPackage(normalised, version, marker=marker, artifacts=artifacts)


def _digests(item: Table, key: str, problems: Problems) -> tuple[str, ...]:
    hashes = item.entries.get("hash")
    if not isinstance(hashes, Table):
        problems.note(item, f"{key}.hash", "keys and values are expected")
        return ()
    found = []
    for kind in ("md5", "sha256"):
        text = problems.text(hashes, kind, f"{key}.hash", is_needed=False)
        digest = parse_digest(f"{kind}:{text}") if text is not None else None
        if digest is not None:
            found.append(digest)
        elif text is not None:
            problems.note(hashes, f"{key}.hash.{kind}", f"not a hash: `{shown(text)}`")
    return tuple(found)


def _groups(item: Table, key: str, problems: Problems) -> Iterator[str | None]:
    """Yield the groups of an entry; None for what must always be there."""
    if isinstance(item.entries.get("categories"), Items):
        nodes = list(problems.items(item, "categories", key))
        names = [(path, node.text if isinstance(node, Text) else None) for path, node in nodes]
    else:
        names = [(f"{key}.category", problems.text(item, "category", key, is_needed=False) or "main")]
    for path, name in names:
        if name is None or not is_name(name):
            problems.note(item, path, f"not a category's name: `{shown(name or '')}`")
        else:
            yield None if name == "main" else str(canonicalize_name(name))
