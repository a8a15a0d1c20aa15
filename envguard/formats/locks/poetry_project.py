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
from envguard.errors import PolicyError
from envguard.formats.companions import Companions, beside
from envguard.formats.files import raise_all, shown
from envguard.formats.locks.poetry_markers import written
from envguard.formats.locks.poetry_shapes import Needed, Wish
from envguard.formats.locks.project import read_project, table_at
from envguard.formats.locks.toml import in_words, wrong_with_marker

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
    place = beside(filename, "pyproject.toml", filename)
    try:
        tool = msgspec.convert(table_at(document, "tool", "poetry"), _Tool)
        project = msgspec.convert(table_at(document, "project"), _Project)
        asks = (*_asked_of_project(project), *_asked_of_tool(tool, is_all=not project.dependencies))
    except msgspec.ValidationError as error:
        what, path = in_words(str(error))
        raise PolicyError(what, where=f"{place}: {path}", hint=_HINT) from error
    except (InvalidRequirement, RecursionError) as error:
        what = f"not a requirement: {shown(str(error))}"
        raise PolicyError(what, where=f"{place}: project", hint=_HINT) from error
    _check_markers(asks, place)
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


def _check_markers(asks: Iterable[Asked], place: str) -> None:
    problems = []
    for asked in asks:
        platform = f"sys_platform == '{asked.needed.platform}'" if asked.needed.platform else ""
        for marker in filter(None, [written(asked.needed.markers), platform]):
            wrong = wrong_with_marker(marker)
            if wrong is not None:
                problems.append(PolicyError(wrong, where=f"{place}: {shown(asked.name)}", hint=_HINT))
    raise_all(problems, place)


def _asked_of_tool(tool: _Tool, *, is_all: bool) -> Iterator[Asked]:
    if is_all:
        yield from _asked(tool.dependencies, MAIN)
    yield from _asked(tool.dev_dependencies, _DEV)
    for name, group in tool.group.items():
        yield from _asked(group.dependencies, normalised_name(name))


def _asked(wishes: Mapping[str, Wish], group: str) -> Iterator[Asked]:
    for name, wish in wishes.items():
        if name.lower() != _PYTHON:
            yield from (Asked(normalised_name(name), needed, group) for needed in each_needed(wish))


def _asked_of_project(project: _Project) -> Iterator[Asked]:
    for text in project.dependencies:
        yield _required(text, None)
    for extra, texts in project.optional_dependencies.items():
        yield from (_required(text, normalised_name(extra)) for text in texts)


def _required(text: str, extra: str | None) -> Asked:
    requirement = Requirement(text)
    needed = Needed(
        version=str(requirement.specifier) or None,
        markers=str(requirement.marker) if requirement.marker is not None else None,
        extras=tuple(sorted(requirement.extras)),
    )
    return Asked(normalised_name(requirement.name), needed, extra=extra)
