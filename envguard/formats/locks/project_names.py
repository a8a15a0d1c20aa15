"""The name of the project in a folder, as its own files tell it without being run."""

from __future__ import annotations

import configparser

from packaging.utils import canonicalize_name

from envguard.errors import PolicyError
from envguard.formats.companions import Companions
from envguard.formats.locks.addresses import is_name
from envguard.formats.locks.project import table_at
from envguard.formats.locks.toml import read_toml

_PROJECT = "pyproject.toml"


def project_name(folder: str, companions: Companions) -> str | None:
    """Answer the normalised name of the project in a folder, by its ``pyproject.toml`` or ``setup.cfg``.

    None where neither is there, or says it. Raises PolicyError where one is there and cannot be read.
    """
    for filename, name_in in ((_PROJECT, _name_in_toml), ("setup.cfg", _name_in_setup)):
        text = companions.find(filename if folder == "." else f"{folder}/{filename}")
        name = name_in(text) if text is not None else None
        if name is not None:
            return name
    return None


def _name_in_toml(text: str) -> str | None:
    try:
        content = read_toml(text, _PROJECT, "")
    except PolicyError:
        return None
    for table in (table_at(content, "project"), table_at(content, "tool", "poetry")):
        name = table.get("name")
        if isinstance(name, str) and is_name(name):
            return str(canonicalize_name(name))
    return None


def _name_in_setup(text: str) -> str | None:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return None
    name = parser.get("metadata", "name", fallback="")
    return str(canonicalize_name(name)) if is_name(name) else None
