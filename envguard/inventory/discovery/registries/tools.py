"""Where tools keep the Pythons that they fetch, and the applications that they install: pyenv, pipx, uv."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from envguard.inventory.discovery.registries.interface import Candidate, candidates_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envguard.inventory.discovery.people import Person
    from envguard.inventory.discovery.registries.interface import Guide


def pyenvs(person: Person, guide: Guide) -> Iterator[Candidate]:
    """Yield pyenv's Pythons and virtualenvs; the latter are links to folders inside of the former."""
    for root in _told_and_usual(person, "PYENV_ROOT", ".pyenv"):
        for version in candidates_in(os.path.join(root, "versions"), None, guide):
            yield version
            yield from candidates_in(os.path.join(version.path, "envs"), None, guide)


def pipxs(person: Person, guide: Guide) -> Iterator[Candidate]:
    """Yield pipx's applications, and the environment that they share."""
    for home in _told_and_usual(person, "PIPX_HOME", ".local", "pipx"):
        yield from _pipx_in(home, guide)
    yield from _pipx_in(person.data("pipx"), guide)
    yield from _pipx_in(os.path.join(person.home, "Library", "Application Support", "pipx"), guide)


def pipxs_of_machine(root: str, guide: Guide) -> Iterator[Candidate]:
    """Yield what ``pipx install --global`` installed."""
    yield from _pipx_in(os.path.join(root, "opt", "pipx"), guide)


def uvs(person: Person, guide: Guide) -> Iterator[Candidate]:
    """Yield uv's tools, and the Pythons that it fetched."""
    share = (".local", "share", "uv")
    for folder in {*_told_and_usual(person, "UV_TOOL_DIR", *share, "tools"), person.data("uv", "tools")}:
        yield from candidates_in(folder, "uv-tool", guide)
    pythons = {
        *_told_and_usual(person, "UV_PYTHON_INSTALL_DIR", *share, "python"),
        person.data("uv", "python"),
    }
    for folder in pythons:
        yield from candidates_in(folder, "uv-python", guide)


def _pipx_in(home: str, guide: Guide) -> Iterator[Candidate]:
    yield from candidates_in(os.path.join(home, "venvs"), "pipx", guide)
    yield Candidate(os.path.join(home, "shared"), "pipx")


def _told_and_usual(person: Person, variable: str, *usual: str) -> list[str]:
    """The folder that a variable names, and the one before it was set: what is there is there."""
    return list(dict.fromkeys([person.folder(variable, *usual), os.path.join(person.home, *usual)]))
