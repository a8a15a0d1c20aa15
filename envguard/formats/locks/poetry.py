"""``poetry.lock``: what Poetry resolved, from format 1.0 on.

Rules
1. From format 2.1 on each entry says itself when it applies: the lock is flat. Before, it is a graph, and
   what it starts from stands in the ``pyproject.toml`` beside it (``poetry_graph``).
2. What the project asks for always (Poetry's group ``main``) must always be there; other groups, and extras,
   are chosen. The default groups are those that the ``pyproject.toml`` does not call optional.
3. An entry that is imported from a folder has no version here: whoever edits the folder changes it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from envguard.domain.addresses import plain_address
from envguard.domain.environment import Origin
from envguard.domain.locks.lock import Lock, LockedPackage
from envguard.domain.requirements import normalised_name
from envguard.formats.companions import Companions
from envguard.formats.files import shown
from envguard.formats.locks.artifacts import artifact
from envguard.formats.locks.poetry_constraints import full_python_markers, python_marker, specifiers
from envguard.formats.locks.poetry_graph import Graph, NumberedEntry
from envguard.formats.locks.poetry_markers import all_of, any_of, of_a_group, of_a_lock, written
from envguard.formats.locks.poetry_project import MAIN, PoetryProject, read_poetry_project
from envguard.formats.locks.poetry_shapes import Entry, File, Head
from envguard.formats.locks.project import digest_with
from envguard.formats.locks.toml import TomlProblems, read_toml

_HINT = "make it anew: `poetry lock`"
_VERSION = re.compile(r"([12])\.(\d{1,3})")
_FLAT_FROM = (2, 1)


def parse_poetry(text: str, filename: str, companions: Companions) -> Lock:
    """Answer the lock that the text of a ``poetry.lock`` says; raises PolicyError with all its problems."""
    problems = TomlProblems(text, filename, _HINT)
    head = problems.whole(read_toml(text, filename, _HINT), Head)
    version = _VERSION.fullmatch(head.metadata.lock_version)
    if version is None:
        what = f"a format that this version does not read: `{shown(head.metadata.lock_version)}`"
        problems.add(what, "metadata.lock-version")
    entries = [
        NumberedEntry(entry, problems.name(entry.name, "name", table), table)
        for entry, table in problems.tables(head.package, Entry, "package")
    ]
    if not entries:
        problems.add("the lock pins nothing", "package")
    problems.raise_all()
    project = read_poetry_project(filename, companions)
    is_flat = version is not None and (int(version[1]), int(version[2])) >= _FLAT_FROM
    graph = Graph(entries, problems)
    old_files = {normalised_name(name): each for name, each in head.metadata.files.items()}
    extras = {
        problems.name(extra, "extras"): frozenset(map(normalised_name, names))
        for extra, names in head.extras.items()
    }
    groups = _groups(entries, project)
    pythons = specifiers(head.metadata.python_versions)
    packages = (_package(each, old_files.get(each.name, ()), problems) for each in entries)
    lock = Lock(
        packages=tuple(
            _flat(package, each, problems) if is_flat else _linked(package, each, graph)
            for package, each in zip(packages, entries, strict=True)
        ),
        digest=digest_with(text, project.text if project else None),
        requires_python=pythons[0] if len(pythons) == 1 else None,
        environments=full_python_markers(head.metadata.python_versions) if len(pythons) > 1 else (),
        extras=tuple(sorted(extras)),
        groups=groups,
        default_groups=tuple(each for each in groups if not project or each not in project.optional_groups),
        roots=None if is_flat else graph.roots(project, extras),
        project=project.name if project else None,
    )
    problems.raise_all()
    return lock


def _package(numbered: NumberedEntry, old_files: Sequence[File], problems: TomlProblems) -> LockedPackage:
    entry, name, table = numbered
    version = problems.version(entry.version, "version", table)
    files = entry.files or [file for file in old_files if f"-{version}" in file.file]
    origin = _origin(entry)
    return LockedPackage(
        name=name,
        version=None if origin is not None and origin.kind == "editable" else version,
        origin=origin,
        location=entry.source.location if entry.source is not None else None,
        subdirectory=entry.source.subdirectory if entry.source is not None else None,
        artifacts=tuple(artifact(file.file, file.hash) for file in files),
    )


def _flat(package: LockedPackage, numbered: NumberedEntry, problems: TomlProblems) -> LockedPackage:
    """The entry with its marker: in each of its groups it may apply under another condition."""
    entry, _, table = numbered
    of_groups = (
        entry.markers if isinstance(entry.markers, dict) else dict.fromkeys(entry.groups, entry.markers)
    )
    conditions: dict[str | None, list[str | None]] = defaultdict(list)
    for text in entry.groups:
        group = problems.name(text, "groups", table)
        told = problems.marker(written(of_groups.get(text)), f"markers.{text}", table)
        marker = of_a_lock(told) if told else None
        conditions[marker].append(None if group == MAIN else of_a_group(group))
    marker = any_of(all_of([any_of(groups), marker]) for marker, groups in conditions.items())
    return msgspec.structs.replace(package, marker=marker)


def _linked(package: LockedPackage, numbered: NumberedEntry, graph: Graph) -> LockedPackage:
    """The entry with what it asks for; among others of its name, the Pythons that it is for choose it."""
    several = graph.is_one_of_several(numbered.name)
    return msgspec.structs.replace(
        package,
        marker=python_marker(numbered.entry.python_versions) if several else None,
        source=numbered.entry.version if several else None,
        dependencies=graph.needs(numbered),
        extra_dependencies=graph.needs_of_extras(numbered),
    )


def _groups(entries: Iterable[NumberedEntry], project: PoetryProject | None) -> tuple[str, ...]:
    named = {MAIN}.union(project.groups if project else (), *(each.entry.groups for each in entries))
    return tuple(
        sorted({normalised_name(group) for group in named} | {each.entry.category for each in entries})
    )


def _origin(entry: Entry) -> Origin | None:
    source = entry.source
    if source is None:
        return None
    match source.type:
        case "git":
            return Origin("vcs", plain_address(source.url), source.resolved_reference)
        case "url":
            return Origin(kind="archive", url=plain_address(source.url))
        case "file":
            return Origin(kind="archive")
        case "directory":
            return Origin(kind="editable" if entry.develop else "directory")
        case _:
            return None
