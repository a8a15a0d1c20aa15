"""Where the tools of projects keep environments apart from the project: Poetry, Pipenv, Hatch, PDM.

Those inside of a project are found by the walk. Settings in a tool's own file count as its variables do.
"""

from __future__ import annotations

import os
import sys
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from envguard.domain.toml_keys import has_long_key
from envguard.inventory.discovery.registries.interface import (
    NAMES_CAP,
    Candidate,
    candidates_in,
    content_of,
    is_path,
    names_in,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envguard.inventory.discovery.people import Person
    from envguard.inventory.discovery.registries.interface import Guide

_CAP_BYTES = 64 * 1024
_ON_MACOS = sys.platform == "darwin"
_CACHES = ("Library", "Caches") if _ON_MACOS else (".cache",)
_DATA = ("Library", "Application Support") if _ON_MACOS else (".local", "share")


def poetrys(person: Person, guide: Guide) -> Iterator[Candidate]:
    """Yield what Poetry made in its cache, or in the folder that ``virtualenvs.path`` names."""
    told = person.environ.get("POETRY_CONFIG_DIR")
    settings = _settings(os.path.join(told or _config_of("pypoetry", person), "config.toml"), guide)
    caches = [
        person.folder("POETRY_CACHE_DIR", *_CACHES, "pypoetry"),
        os.path.join(person.folder("XDG_CACHE_HOME", *_CACHES), "pypoetry"),
        *filter(None, [_expanded(_text(settings, "cache-dir"), person)]),
    ]
    for told in (person.environ.get("POETRY_VIRTUALENVS_PATH"), _text(settings, "virtualenvs", "path")):
        if told:
            for folder in dict.fromkeys(told.replace("{cache-dir}", cache) for cache in caches):
                yield from candidates_in(_expanded(folder, person) or folder, "poetry", guide)
    for cache in dict.fromkeys(caches):
        yield from candidates_in(os.path.join(cache, "virtualenvs"), "poetry", guide)


def pipenvs(person: Person, guide: Guide) -> Iterator[Candidate]:
    """Yield what Pipenv made, which it shares a folder with virtualenvwrapper for."""
    for folder in dict.fromkeys([person.data("virtualenvs"), person.folder("WORKON_HOME", ".virtualenvs")]):
        yield from candidates_in(folder, None, guide)


def hatchs(person: Person, guide: Guide) -> Iterator[Candidate]:
    """Yield what Hatch made: a folder for each project, in it one for each place, in it the environments."""
    file = os.path.join(_config_of("hatch", person), "config.toml")
    settings = _settings(person.environ.get("HATCH_CONFIG") or file, guide)
    data = [person.folder("HATCH_DATA_DIR", *_DATA, "hatch"), person.data("hatch")]
    kept = [os.path.join(folder, "env", "virtual") for folder in data]
    told = _expanded(_text(settings, "dirs", "env", "virtual"), person)
    for folder in dict.fromkeys([*kept, *([told] if told else [])]):
        for place in _below(folder, guide):
            yield from candidates_in(place, "hatch", guide)


def pdms(person: Person, guide: Guide) -> Iterator[Candidate]:
    """Yield what PDM made by ``pdm venv create --name``."""
    file = os.path.join(_config_of("pdm", person), "config.toml")
    settings = _settings(person.environ.get("PDM_CONFIG_FILE") or file, guide)
    told = _expanded(person.environ.get("PDM_VENV_LOCATION") or _text(settings, "venv", "location"), person)
    usual = [person.data("pdm", "venvs"), os.path.join(person.home, *_DATA, "pdm", "venvs")]
    for folder in dict.fromkeys([*([told] if told else []), *usual]):
        yield from candidates_in(folder, "pdm", guide)


def _below(folder: str, guide: Guide) -> Iterator[str]:
    """The folders in the folders in a folder; only some of very many, which is told."""
    folders = (os.path.join(folder, name) for name in names_in(folder, guide))
    places = (os.path.join(inside, name) for inside in folders for name in names_in(inside, guide))
    yield from islice(places, NAMES_CAP)
    if next(places, None) is not None:
        guide.fail(folder, f"more than {NAMES_CAP} entries in its folders")


def _config_of(tool: str, person: Person) -> str:
    return os.path.join(person.home, *_DATA, tool) if _ON_MACOS else person.config(tool)


def _settings(path: str, guide: Guide) -> object:
    """A tool's own settings; None where there are none that it could read."""
    content = content_of(path, guide, cap_bytes=_CAP_BYTES)
    if not content:
        return None
    try:
        if has_long_key(content.decode()):
            raise ValueError("a key of very many parts")
        return msgspec.toml.decode(content, type=dict[str, object])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        guide.fail(path, "not TOML")
        return None


def _text(settings: object, *keys: str) -> str | None:
    for key in keys:
        settings = settings.get(key) if isinstance(settings, dict) else None
    return settings if isinstance(settings, str) and is_path(settings) else None


def _expanded(folder: str | None, person: Person) -> str | None:
    """An absolute folder; None where it is relative, for to what cannot be known."""
    if folder is None:
        return None
    whole = person.home + folder[1:] if folder == "~" or folder.startswith("~/") else folder
    return whole if os.path.isabs(whole) else None
