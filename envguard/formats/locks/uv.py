"""``uv.lock``: uv's graph of a project, a workspace or a script.

Rules
1. The project is the entry whose source is the lock's own folder; without one all members of the workspace
   are meant, as by ``uv sync`` in a root that is no project. A script has its requirements in the manifest.
2. The default groups are those that the lock names (from revision 5 on), else those that ``[tool.uv]`` in the
   ``pyproject.toml`` beside it names, else ``dev``.
3. What is imported from a folder has no version here: whoever edits the folder changes it. It must be there.
   What is virtual is never installed.
4. An entry is told by name, version and source where its name alone does not tell it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple
from urllib.parse import unquote

from envguard.domain.addresses import plain_address
from envguard.domain.environment import Origin
from envguard.domain.locks.lock import Chosen, Dependency, Lock, LockedPackage, Root
from envguard.domain.requirements import normalised_name
from envguard.formats.companions import Companions
from envguard.formats.files import shown
from envguard.formats.locks.artifacts import artifact
from envguard.formats.locks.project import digest_with, read_project, table_at
from envguard.formats.locks.toml import TomlProblems, read_toml
from envguard.formats.locks.uv_shapes import Asked, Entry, Head, Manifest, Needed, Source

_HINT = "make it anew: `uv lock`"
_OWN_FOLDER = ("", ".")
_USUAL_GROUP = "dev"


def parse_uv(text: str, filename: str, companions: Companions) -> Lock:
    """Answer the lock that the text of a ``uv.lock`` says; raises PolicyError with all its problems."""
    problems = TomlProblems(text, filename, _HINT)
    document = read_toml(text, filename, _HINT)
    version = document.get("version", 1)
    if isinstance(version, int) and version != 1:  # whatever else may be another way there
        problems.add(f"a format that this version does not read: {version}", "version")
        problems.raise_all()
    head = problems.whole(document, Head)
    entries = [
        _Numbered(entry, problems.name(entry.name, "name", table), table)
        for entry, table in problems.tables(head.package, Entry, "package")
    ]
    projects = _projects(entries, head.manifest)
    if not projects and head.manifest == Manifest():
        problems.add("the lock does not say whose it is: no entry has the source `.`", "package")
    groups = _groups(head.manifest, projects, problems)
    reading = _Reading(entries, problems)
    default, project_text = _default_groups(_told_groups(head.manifest, projects), filename, companions)
    lock = Lock(
        packages=tuple(map(reading.package, entries)),
        digest=digest_with(text, project_text),
        requires_python=problems.specifier(head.requires_python, "requires-python"),
        environments=_environments(head, problems),
        extras=_extras(projects, problems),
        groups=groups,
        default_groups=groups if default == "all" else tuple(each for each in groups if each in default),
        roots=(*reading.roots(projects), *_roots_of_all(head.manifest, problems)),
        project=projects[0].name if len(projects) == 1 else None,
        has_conflicts=bool(head.conflicts),
        exclusive=tuple(_exclusive(head, projects)),
    )
    problems.raise_all()
    return lock


class _Numbered(NamedTuple):
    """An entry, its normalised name, and which of the entries it is."""

    entry: Entry
    name: str
    table: tuple[str, int]


class _Reading:
    """The entries as our own values."""

    def __init__(self, entries: Sequence[_Numbered], problems: TomlProblems) -> None:
        self._problems = problems
        self._count = Counter(each.name for each in entries)
        self._told_apart = {
            (each.name, each.entry.version, each.entry.source.words())
            for each in entries
            if self._count[each.name] > 1
        }

    def package(self, numbered: _Numbered) -> LockedPackage:
        entry, name, table = numbered
        source = entry.source
        version = self._problems.version(entry.version, "version", table)
        files = [*([] if entry.sdist is None else [entry.sdist]), *entry.wheels]
        is_one_of_several = self._count[name] > 1
        return LockedPackage(
            name=name,
            version=None if source.is_folder_in_use else version,
            marker=self._fork(entry, table) if is_one_of_several else None,
            origin=_origin(source),
            source=source.words() if is_one_of_several else None,
            location=source.location,
            subdirectory=source.subdirectory or _subdirectory(source.git),
            is_virtual=source.virtual is not None,
            artifacts=tuple(
                artifact(file.url or file.path or file.filename or "", file.hash) for file in files
            ),
            dependencies=self._dependencies(entry.dependencies, "dependencies", table),
            extra_dependencies={
                self._problems.name(extra, "optional-dependencies", table): self._dependencies(
                    needed, f"optional-dependencies.{extra}", table
                )
                for extra, needed in entry.optional_dependencies.items()
            },
        )

    def roots(self, projects: Iterable[_Numbered]) -> Iterator[Root]:
        """Yield what the projects ask for: themselves, themselves with each extra, and their groups."""
        for entry, name, table in projects:
            yield Root(Dependency(name), member=name)
            for text in entry.optional_dependencies:
                extra = self._problems.name(text, "optional-dependencies", table)
                yield Root(Dependency(name, extras=(extra,)), extra=extra, member=name)
            for text, needed in entry.dev_dependencies.items():
                group = self._problems.name(text, "dev-dependencies", table)
                for dependency in self._dependencies(needed, f"dev-dependencies.{text}", table):
                    yield Root(dependency, group=group, member=name)

    def _dependencies(
        self, needed: Iterable[Needed], key: str, table: tuple[str, int]
    ) -> tuple[Dependency, ...]:
        return tuple(self._dependency(each, f"{key}[{index}]", table) for index, each in enumerate(needed))

    def _dependency(self, needed: Needed, key: str, table: tuple[str, int]) -> Dependency:
        name = self._problems.name(needed.name, f"{key}.name", table)
        marker = self._problems.marker(needed.marker, f"{key}.marker", table)
        extras = tuple(self._problems.name(extra, f"{key}.extra", table) for extra in needed.extra)
        if self._count[name] == 1:
            return Dependency(name, extras=extras, marker=marker)
        source = needed.source
        if source is None or (name, needed.version, source.words()) not in self._told_apart:
            self._problems.add(f"the lock has no such entry: `{shown(name)}`", key, table)
            return Dependency(name)
        version = None if source.is_folder_in_use else needed.version
        return Dependency(name, version, extras=extras, marker=marker, source=source.words())

    def _fork(self, entry: Entry, table: tuple[str, int]) -> str | None:
        markers = [
            self._problems.marker(each, "resolution-markers", table) for each in entry.resolution_markers
        ]
        return " or ".join(f"({marker})" for marker in markers if marker) or None


def _projects(entries: Iterable[_Numbered], manifest: Manifest) -> list[_Numbered]:
    entries = list(entries)
    own = [each for each in entries if _is_own(each.entry.source)]
    return own or [each for each in entries if each.entry.name in manifest.members]


def _is_own(source: Source) -> bool:
    return source.editable in _OWN_FOLDER or source.virtual in _OWN_FOLDER


def _roots_of_all(manifest: Manifest, problems: TomlProblems) -> Iterator[Root]:
    """What a script asks for, and the groups of a workspace whose root is no project."""
    for asked in manifest.requirements:
        yield Root(_asked(asked, "manifest.requirements", problems))
    for text, several in manifest.dependency_groups.items():
        group = problems.name(text, "manifest.dependency-groups")
        for asked in several:
            yield Root(_asked(asked, f"manifest.dependency-groups.{text}", problems), group=group)


def _asked(asked: Asked, key: str, problems: TomlProblems) -> Dependency:
    return Dependency(
        problems.name(asked.name, key),
        extras=tuple(problems.name(extra, key) for extra in asked.extras),
        marker=problems.marker(asked.marker, key),
    )


def _extras(projects: Iterable[_Numbered], problems: TomlProblems) -> tuple[str, ...]:
    names = {
        problems.name(extra, "metadata.provides-extras", table)
        for entry, _, table in projects
        for extra in (*entry.optional_dependencies, *entry.metadata.provides_extras)
    }
    return tuple(sorted(names))


def _groups(manifest: Manifest, projects: Iterable[_Numbered], problems: TomlProblems) -> tuple[str, ...]:
    names = {
        problems.name(group, "metadata.requires-dev", table)
        for entry, _, table in projects
        for group in (*entry.dev_dependencies, *entry.metadata.requires_dev)
    }
    names |= {problems.name(group, "manifest.dependency-groups") for group in manifest.dependency_groups}
    return tuple(sorted(names))


def _told_groups(manifest: Manifest, projects: Sequence[_Numbered]) -> object:
    told = projects[0].entry.default_groups if projects else None
    return manifest.default_groups if told is None else told


def _default_groups(
    told: object, filename: str, companions: Companions
) -> tuple[Literal["all"] | frozenset[str], str | None]:
    """The default groups, and the text of the project's own file where that had to be asked."""
    text = None
    if told is None and (found := read_project(filename, companions)) is not None:
        text, told = found[0], table_at(found[1], "tool", "uv").get("default-groups")
    if told == "all":
        return "all", text
    names = told if isinstance(told, (list, tuple)) else [_USUAL_GROUP]
    return frozenset(normalised_name(name) for name in names if isinstance(name, str)), text


def _environments(head: Head, problems: TomlProblems) -> tuple[str, ...]:
    markers = (problems.marker(each, "supported-markers") for each in head.supported_markers)
    return tuple(marker for marker in markers if marker is not None)


def _exclusive(head: Head, projects: Iterable[_Numbered]) -> Iterator[tuple[Chosen, ...]]:
    """Yield what of the projects' own excludes each other; of other members nothing is chosen."""
    names = {None, *(each.name for each in projects)}
    for several in head.conflicts:
        own = [each for each in several if each.package is None or normalised_name(each.package) in names]
        extras = [Chosen("extra", normalised_name(each.extra)) for each in own if each.extra is not None]
        groups = [Chosen("group", normalised_name(each.group)) for each in own if each.group is not None]
        if len(extras) + len(groups) > 1:
            yield (*extras, *groups)


def _subdirectory(git: str | None) -> str | None:
    """What a repository's address says of where the package lies in it."""
    query = (git or "").partition("#")[0].partition("?")[2]
    told = dict(part.partition("=")[::2] for part in query.split("&"))
    return unquote(told["subdirectory"]) if told.get("subdirectory") else None


def _origin(source: Source) -> Origin | None:
    if source.git is not None:
        return Origin("vcs", plain_address(source.git), source.git.partition("#")[2] or None)
    if source.url is not None:
        return Origin(kind="archive", url=plain_address(source.url))
    if source.path is not None:
        return Origin(kind="archive")
    if source.directory is not None:
        return Origin(kind="directory")
    return Origin(kind="editable") if source.editable is not None else None
