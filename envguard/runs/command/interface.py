"""A command line that is looked at step by step, and how options are read from it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple


class Used(NamedTuple):
    """The environment that a command line uses."""

    path: str
    """A folder, or an interpreter."""
    how: str
    """Why it is this one, in words."""


class Untold(NamedTuple):
    """It cannot be told, and why."""

    reason: str


class Line(NamedTuple):
    """A command line that is still to be looked at, and what it would be given."""

    words: tuple[str, ...]
    environ: Mapping[str, str]
    cwd: str
    default: Used | None = None
    """What it uses where it does not say so itself."""


Step = Line | Used | Untold
Wrapper = Callable[[Line], Step]


class Options(NamedTuple):
    """The options of a program, and what follows them."""

    given: dict[str, str]
    """The last value of each; nothing for those without."""
    rest: tuple[str, ...]

    def first(self, *names: str) -> str | None:
        """Answer the value of whichever is given; None where none is."""
        return next((self.given[name] for name in names if name in self.given), None)


def options_of(
    words: tuple[str, ...], valued: frozenset[str], *, flags: frozenset[str] | None = None
) -> Options:
    """Answer the options at the beginning of a line.

    ``valued`` take the next word as their value; where ``flags`` are told, so does every other long option.
    """
    given: dict[str, str] = {}
    left = list(words)
    while left and left[0].startswith("-") and left[0] != "-":
        if left[0] == "--":
            del left[0]
            break
        name, value = take_option(left, valued, flags=flags)
        given[name] = value
    return Options(given, tuple(left))


def take_option(
    left: list[str], valued: frozenset[str], *, flags: frozenset[str] | None = None
) -> tuple[str, str]:
    """Take the option with which a line begins, and its value, off it; which have one is as above."""
    word = left.pop(0)
    name, equals, value = word.partition("=")
    if not word.startswith("--") and word[:2] in valued and len(word) > 2:
        name, equals, value = word[:2], "=", word[2:]
    takes_next = name in valued or (flags is not None and name.startswith("--") and name not in flags)
    if takes_next and not equals and left:
        value = left.pop(0)
    return name, value


def inside(line: Line, prefix: str, how: str) -> Line:
    """Answer the rest of a line as it would be in an environment that is activated for it."""
    path = os.pathsep.join((os.path.join(prefix, "bin"), line.environ.get("PATH", os.defpath)))
    environ = {**line.environ, "PATH": path, "VIRTUAL_ENV": prefix}
    return Line(line.words, environ, line.cwd, Used(prefix, how))


def is_environment(prefix: str) -> bool:
    """Whether a folder is an environment that somebody made, as files say."""
    has_mark = any(os.path.lexists(os.path.join(prefix, mark)) for mark in ("pyvenv.cfg", "conda-meta"))
    return has_mark and os.path.isdir(os.path.join(prefix, "bin"))


def upwards(folder: str) -> Iterator[str]:
    """Yield a folder and all above it."""
    folder = os.path.abspath(folder)
    while folder != os.path.dirname(folder):
        yield folder
        folder = os.path.dirname(folder)
    yield folder
