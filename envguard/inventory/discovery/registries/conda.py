"""Where conda, mamba and micromamba keep environments.

Rules
1. ``~/.conda/environments.txt`` has a line for each environment that was ever made; many are gone.
2. ``CONDA_ENVS_PATH``, ``CONDA_ENVS_DIRS`` and ``envs_dirs`` of a ``.condarc`` name folders of environments;
   an environment directly in one is called by its name there.
3. The usual installations count without being registered; the environments of an installation lie in its
   ``envs``, into which no walk goes.
"""

from __future__ import annotations

import os
import string
from typing import TYPE_CHECKING

from envguard.inventory.discovery.registries.interface import (
    Candidate,
    content_of,
    is_path,
    names_in,
)
from envguard.inventory.files import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    import yaml

    from envguard.inventory.discovery.people import Person
    from envguard.inventory.discovery.registries.interface import Guide

_INSTALLATIONS = (
    *(
        "miniconda3",
        "miniconda",
        "anaconda3",
        "anaconda",
        "miniforge3",
        "miniforge",
        "mambaforge",
        "micromamba",
    ),
    *("conda", "mamba", "mambaforge-pypy3", "miniforge-pypy3"),
)
_LIST_CAP_BYTES = 1024 * 1024
_SETTINGS_CAP_BYTES = 64 * 1024
_TEXT = "tag:yaml.org,2002:str"


def of_person(person: Person, guide: Guide) -> Iterator[Candidate]:
    """Yield what conda registered for somebody, and what lies in the usual places of his home."""
    for folder in envs_folders(person, guide):
        yield from _named_in(folder, guide)
    for prefix in _installations_of(person):
        yield Candidate(prefix)
        yield from _named_in(os.path.join(prefix, "envs"), guide)
    for line in _lines(os.path.join(person.home, ".conda", "environments.txt"), guide):
        yield Candidate(line)


def of_machine(root: str, guide: Guide) -> Iterator[Candidate]:
    """Yield the usual installations for everybody."""
    for place in ("opt", os.path.join("usr", "local")):
        for name in _INSTALLATIONS:
            prefix = os.path.join(root, place, name)
            yield Candidate(prefix)
            yield from _named_in(os.path.join(prefix, "envs"), guide)


def envs_folders(person: Person, guide: Guide) -> list[str]:
    """Answer the folders that this person's settings name for environments, the first counts most."""
    told = [person.environ.get(variable, "") for variable in ("CONDA_ENVS_PATH", "CONDA_ENVS_DIRS")]
    named = [folder for text in told for folder in text.split(os.pathsep) if folder]
    files = [
        person.folder("CONDARC", ".condarc"),
        os.path.join(person.home, ".conda", ".condarc"),
        person.config("conda", ".condarc"),
        os.path.join(person.home, ".mambarc"),
    ]
    named += [folder for file in files for folder in _envs_dirs(file, guide)]
    expanded = [_expanded(folder, person) for folder in [*named, "~/.conda/envs"]]
    return [folder for folder in dict.fromkeys(expanded) if os.path.isabs(folder)]


def _installations_of(person: Person) -> Iterator[str]:
    executable = person.environ.get("CONDA_EXE")
    if executable:
        yield os.path.dirname(os.path.dirname(executable))
    yield person.folder("MAMBA_ROOT_PREFIX", "micromamba")
    yield person.data("mamba")
    for name in _INSTALLATIONS:
        yield os.path.join(person.home, name)


def _named_in(folder: str, guide: Guide) -> Iterator[Candidate]:
    for name in names_in(folder, guide):
        prefix = os.path.join(folder, name)
        # As conda: what it did not make has no name, though it lies in its folder.
        is_condas = guide.may_ask(prefix) and os.path.lexists(os.path.join(prefix, "conda-meta"))
        yield Candidate(prefix, names=(f"conda:{shown(name)}",) if is_condas else ())


def _lines(path: str, guide: Guide) -> list[str]:
    content = content_of(path, guide, cap_bytes=_LIST_CAP_BYTES)
    lines = list(map(str.strip, os.fsdecode(content).split("\n"))) if content else []
    paths = [line for line in lines if os.path.isabs(line) and is_path(line)]
    if not all(line.isprintable() for line in set(lines).difference(paths)):
        # Such as the NULs that a file system leaves where it lost what was written last.
        guide.fail(path, "not a list of paths")
    return paths


def _envs_dirs(path: str, guide: Guide) -> list[str]:
    """The folders of a ``.condarc``; none where it is no YAML, for conda itself would not start."""
    content = content_of(path, guide, cap_bytes=_SETTINGS_CAP_BYTES)
    if not content or (b"envs_" not in content and _is_text(content)):
        return []
    import yaml

    try:
        # No values are made of it: aliases in merged keys, eight deep, would be millions of pairs.
        top = yaml.compose(content, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError):
        guide.fail(path, "not YAML")
        return []
    if not isinstance(top, yaml.MappingNode):
        return []
    told = {key.value: value for key, value in top.value if isinstance(key, yaml.ScalarNode)}
    return _texts(told.get("envs_dirs")) or _texts(told.get("envs_path"))


def _is_text(content: bytes) -> bool:
    """Whether the bytes are UTF-8 without NULs: YAML may also come in UTF-16."""
    try:
        return "\0" not in content.decode()
    except UnicodeDecodeError:
        return False


def _texts(node: yaml.Node | None) -> list[str]:
    """The text that a node is, or those that it lists, as far as they can be paths."""
    import yaml

    nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
    return [
        each.value
        for each in nodes
        if isinstance(each, yaml.ScalarNode) and each.tag == _TEXT and is_path(each.value)
    ]


def _expanded(folder: str, person: Person) -> str:
    known = {**person.environ, "HOME": person.home}
    text = string.Template(folder).safe_substitute(known)
    return person.home + text[1:] if text == "~" or text.startswith("~/") else text
