"""Which tool made an environment, told by what it left there.

Rules
1. A file that only one tool writes tells it: ``pipx_metadata.json``, ``uv-receipt.toml``, ``conda-meta``.
2. Else the place where a tool keeps its environments, as far as the names of the folders tell that.
3. Else, in a project's own folder, the file of the tool beside it (``poetry.lock``, ``.pdm-python``,
   ``Pipfile``), if that tool makes environments as this one was made.
4. Else what ``pyvenv.cfg`` says; a whole Python that nobody claims is the system's.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from envguard.inventory.files import Reader, reader_for

if TYPE_CHECKING:
    from envguard.domain.environment import EnvironmentKind
    from envguard.inventory.pyvenv import VenvConfig

_PROJECT_VENV = ".venv"
# Compiled when they are asked for, which is seldom: it takes longer than the rest of this module.
_PIPENV = r".+-[\w-]{8}(?:-.+)?"
_UV_PYTHON = r"(?:cpython|pypy|graalpy)-\d+\.\d+\S*-(?:linux|macos|windows)-\S+"
_CAP_BYTES = 16 * 1024


def kind_of_virtual(prefix: str, config: VenvConfig) -> EnvironmentKind:
    """Answer the kind of an environment that has a ``pyvenv.cfg``."""
    made: EnvironmentKind = "uv" if config.is_uv else "virtualenv" if config.is_virtualenv else "venv"
    return _by_own_file(prefix) or _by_place(prefix) or _by_project(prefix, made) or made


def kind_of_whole(prefix: str) -> EnvironmentKind:
    """Answer the kind of a Python with a standard library of its own."""
    if _has(prefix, "conda-meta"):
        return (
            "pixi"
            if _parts(prefix, 3)[:2] == [".pixi", "envs"] or _has(prefix, "conda-meta", "pixi")
            else "conda"
        )
    if _is_pyenvs(os.path.dirname(prefix)):
        return "pyenv"
    return "uv-python" if re.fullmatch(_UV_PYTHON, os.path.basename(prefix)) else "system"


def conda_name_of(prefix: str) -> str | None:
    """Answer what conda calls a prefix, such as ``conda:rl``; None where it only has a path."""
    if _has(prefix, "condabin"):
        return "conda:base"
    folder, name = os.path.split(prefix)
    return f"conda:{name}" if os.path.basename(folder) == "envs" else None


def _by_own_file(prefix: str) -> EnvironmentKind | None:
    if _has(prefix, "pipx_metadata.json"):
        return "pipx"
    if _has(prefix, "uv-receipt.toml"):
        return "uv-tool"
    # virtualenvwrapper writes `.project` too, and does not put a hash into the name.
    is_pipenv = _has(prefix, ".project") and (
        re.fullmatch(_PIPENV, os.path.basename(prefix)) or _has(prefix, os.pardir, "Pipfile")
    )
    return "pipenv" if is_pipenv else None


def _by_place(prefix: str) -> EnvironmentKind | None:
    above = os.path.dirname(prefix)
    tool, folder = _parts(above, 2)
    if (tool, folder) == ("pypoetry", "virtualenvs") or _has(above, "envs.toml"):
        return "poetry"
    if (tool, folder) == ("pdm", "venvs"):
        return "pdm"
    if (tool, folder) == ("pipx", "venvs") or (os.path.basename(prefix) == "shared" and _has(above, "venvs")):
        return "pipx"
    if folder == ".hatch" or _parts(prefix, 5)[:2] == ["env", "virtual"]:
        return "hatch"
    if _is_pyenvs(above) or (folder == "envs" and _is_pyenvs(os.path.dirname(os.path.dirname(above)))):
        return "pyenv"
    return None


def _by_project(prefix: str, made: EnvironmentKind) -> EnvironmentKind | None:
    if os.path.basename(prefix) != _PROJECT_VENV:
        return None
    project = os.path.dirname(prefix)
    if _is_pdms_choice(project, prefix):
        return "pdm"
    if made != "virtualenv":
        return None
    if _has(project, "poetry.lock") or _has(project, "poetry.toml"):
        return "poetry"
    if _has(project, "pdm.lock"):
        return "pdm"
    return "pipenv" if _has(project, "Pipfile") else None


def _is_pdms_choice(project: str, prefix: str) -> bool:
    """Whether ``.pdm-python`` names this environment's interpreter."""
    path = os.path.join(project, ".pdm-python")
    if not os.path.lexists(path):
        return False
    named = first_line(reader_for(project), path) or ""
    return os.path.dirname(os.path.dirname(named)) == prefix


def first_line(reader: Reader, path: str) -> str | None:
    """Answer the first line of a small file; None where it is empty, or cannot be read."""
    try:
        content = reader.read(path, cap_bytes=_CAP_BYTES)
    except OSError:
        return None
    return os.fsdecode(content.partition(b"\n")[0].strip()) or None


def _is_pyenvs(versions: str) -> bool:
    """Whether this is the folder in which a pyenv keeps its Pythons."""
    root, name = os.path.split(versions)
    return name == "versions" and (
        os.path.basename(root) == ".pyenv" or os.path.isdir(os.path.join(root, "shims"))
    )


def _has(*parts: str) -> bool:
    return os.path.lexists(os.path.join(*parts))


def _parts(path: str, count: int) -> list[str]:
    """The last names of a path, as many as are wanted; empty ones where it has fewer."""
    parts = path.split(os.sep)[-count:]
    return [""] * (count - len(parts)) + parts
