"""What a project asks of Poetry, in the ``pyproject.toml`` beside its lock.

Rules
1. ``[tool.poetry]`` has dependencies, groups, and ``dev-dependencies`` (the group ``dev``). A group is
   installed by default unless it is ``optional``.
2. Where ``[project]`` has dependencies of its own, ``[tool.poetry.dependencies]`` only says more of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec
from packaging.requirements import InvalidRequirement, Requirement

from envguard.domain.requirements import normalised_name
from envguard.formats.companions import Companions, beside
from envguard.formats.files import shown
from envguard.formats.locks.poetry_markers import written
from envguard.formats.locks.poetry_shapes import Needed, Wish
from envguard.formats.locks.project import read_project, table_at
from envguard.formats.locks.toml import TomlProblems, wrong_with_marker

MAIN = "main"
"""The group of what is asked for always."""

_DEV = "dev"
_PYTHON = "python"
_HINT = "`poetry check` names what is wrong with it"


class Asked(msgspec.Struct, frozen=True):
    """One thing that the project asks for."""

    name: str
    needed: Needed
    group: str = MAIN
    extra: str | None = None
    """The extra that asks for it, where the project says it in the way of PEP 621."""


class PoetryProject(msgspec.Struct, frozen=True):
    """What stands in the project's file."""

    text: str
    name: str | None
    asks: tuple[Asked, ...]
    optional_groups: frozenset[str]
    groups: frozenset[str]
    """All the groups that it names, ``main`` aside."""


class _Wishes(msgspec.Struct, frozen=True):
    dependencies: dict[str, Wish] = {}
    optional: bool = False


class _Tool(msgspec.Struct, frozen=True, rename="kebab"):
    name: str | None = None
    dependencies: dict[str, Wish] = {}
    dev_dependencies: dict[str, Wish] = {}
    group: dict[str, _Wishes] = {}


class _Project(msgspec.Struct, frozen=True, rename="kebab"):
    name: str | None = None
    dependencies: tuple[str, ...] = ()
    optional_dependencies: dict[str, tuple[str, ...]] = {}


def read_poetry_project(filename: str, companions: Companions) -> PoetryProject | None:
    """Answer what the project beside a lock asks for; None where there is none, or one that is not Poetry's.

    Raises PolicyError where it is there and cannot be read.
    """
    found = read_project(filename, companions)
    if found is None:
        return None
    text, document = found
    problems = TomlProblems(text, beside(filename, "pyproject.toml", filename), _HINT)
    tool = problems.read(table_at(document, "tool", "poetry"), _Tool, "tool.poetry") or _Tool()
    project = problems.read(table_at(document, "project"), _Project, "project") or _Project()
    asks = (
        *_asked_of_project(project, problems),
        *_asked_of_tool(tool, problems, is_all=not project.dependencies),
    )
    problems.raise_all()
    if not asks and not tool.group:
        return None
    name = tool.name or project.name
    named = [*tool.group, *([_DEV] if tool.dev_dependencies else [])]
    return PoetryProject(
        text=text,
        name=normalised_name(name) if name else None,
        asks=asks,
        optional_groups=frozenset(
            normalised_name(key) for key, group in tool.group.items() if group.optional
        ),
        groups=frozenset(map(normalised_name, named)),
    )


def each_needed(wish: Wish) -> Iterator[Needed]:
    """Yield what a constraint, a table or a list of them asks for, each as a table."""
    for one in wish if isinstance(wish, tuple) else (wish,):
        yield Needed(version=one) if isinstance(one, str) else one


def _asked_of_tool(tool: _Tool, problems: TomlProblems, *, is_all: bool) -> Iterator[Asked]:
    if is_all:
        yield from _asked(tool.dependencies, MAIN, "dependencies", problems)
    yield from _asked(tool.dev_dependencies, _DEV, "dev-dependencies", problems)
    for name, group in tool.group.items():
        key = f"group.{name}.dependencies"
        yield from _asked(group.dependencies, normalised_name(name), key, problems)


def _asked(wishes: Mapping[str, Wish], group: str, key: str, problems: TomlProblems) -> Iterator[Asked]:
    for name, wish in wishes.items():
        if name.lower() != _PYTHON:
            for needed in each_needed(wish):
                _check_markers(needed, f"tool.poetry.{key}.{name}", problems)
                yield Asked(normalised_name(name), needed, group)


def _check_markers(needed: Needed, key: str, problems: TomlProblems) -> None:
    platform = f"sys_platform == '{needed.platform}'" if needed.platform else ""
    for marker in filter(None, [written(needed.markers), platform]):
        wrong = wrong_with_marker(marker)
        if wrong is not None:
            problems.add(wrong, key)


def _asked_of_project(project: _Project, problems: TomlProblems) -> Iterator[Asked]:
    yield from _required(project.dependencies, None, "project.dependencies", problems)
    for extra, texts in project.optional_dependencies.items():
        key = f"project.optional-dependencies.{extra}"
        yield from _required(texts, normalised_name(extra), key, problems)


def _required(texts: Iterable[str], extra: str | None, key: str, problems: TomlProblems) -> Iterator[Asked]:
    for number, text in enumerate(texts):
        try:
            requirement = Requirement(text)
        except (InvalidRequirement, RecursionError) as error:
            problems.add(f"not a requirement: {shown(str(error))}", f"{key}[{number}]")
            continue
        needed = Needed(
            version=str(requirement.specifier) or None,
            markers=str(requirement.marker) if requirement.marker is not None else None,
            extras=tuple(sorted(requirement.extras)),
        )
        yield Asked(normalised_name(requirement.name), needed, extra=extra)
