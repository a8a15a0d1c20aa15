"""What mends a finding: first as a value, then as a line for the shell of the environment's owner.

Rules
1. A command is built from the policy's words. A name that a scanned file made up is used only where it is a
   plain one.
2. Nothing is lost: an environment whose interpreter is wrong is moved aside and made anew, never cleared in
   place; and not even that where project files may lie inside it.
3. Where no command is safe (a system Python, an environment that another tool made, a path that cannot be
   written as text) there is none.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Literal

import msgspec

from envguard.domain.environment import EnvironmentRecord
from envguard.domain.versions import PYTHON_MINORS, allows, patches_of

_REQUIRED = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_PLAIN_NAME = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_CONDA_NAME = r"[a-z0-9_][a-z0-9_.-]*"


class Install(msgspec.Struct, frozen=True, tag="install", tag_field="do"):
    """Installing this requirement mends the finding."""

    requirement: str


class Remove(msgspec.Struct, frozen=True, tag="remove", tag_field="do"):
    """Removing this package mends the finding."""

    package: str


class Remake(msgspec.Struct, frozen=True, tag="remake", tag_field="do"):
    """Making the environment anew, with an interpreter of these versions, mends the finding."""

    python: str
    """A PEP 440 specifier set."""


class Reinstall(msgspec.Struct, frozen=True, tag="reinstall", tag_field="do"):
    """Installing this requirement once more, though it is there, mends the finding."""

    requirement: str


class CondaInstall(msgspec.Struct, frozen=True, tag="conda-install", tag_field="do"):
    """Installing this with conda mends the finding."""

    spec: str
    """Conda's ``name=version=build``."""


class CondaRemove(msgspec.Struct, frozen=True, tag="conda-remove", tag_field="do"):
    """Removing this with conda mends the finding."""

    package: str


_NOT_ACTIVE = "env -u VIRTUAL_ENV -u CONDA_PREFIX"
"""Poetry and pipenv change the active environment, whichever it is, unless it is hidden from them."""

Tool = Literal["uv", "poetry", "pipenv"]
"""A tool that keeps a project's lock and its environment."""


class Sync(msgspec.Struct, frozen=True, tag="sync", tag_field="do"):
    """Bringing the environment to its project's own lock, with the project's own tool, mends the finding."""

    tool: Tool
    project: str
    """The project's folder."""
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] | None = None
    """None: those that the tool takes by itself."""


Remedy = Install | Remove | Remake | Reinstall | CondaInstall | CondaRemove | Sync


def command_for(remedies: Sequence[Remedy], record: EnvironmentRecord) -> str | None:
    """Answer one shell line that carries out all the remedies; None where no command is safe.

    An environment that is made anew is empty: what to install into it is for the next look to say.
    """
    if record.changer == "none" or record.path_bytes is not None:
        return None
    remake = next((each for each in remedies if isinstance(each, Remake)), None)
    return _change(remedies, record) if remake is None else _remake(remake, record)


def _change(remedies: Sequence[Remedy], record: EnvironmentRecord) -> str | None:
    by_conda = _conda_lines(remedies, record)
    by_pip = _pip_lines(remedies, record)
    if by_conda is None or by_pip is None:
        return None
    synced = _once(_sync_line(each, record) for each in remedies if isinstance(each, Sync))
    return " && ".join([*synced, *by_conda, *by_pip]) or None


def _sync_line(sync: Sync, record: EnvironmentRecord) -> str:
    project = shlex.quote(sync.project)
    flag = "--extras" if sync.tool == "poetry" else "--extra"
    extras = [word for extra in sync.extras for word in (flag, extra)]
    match sync.tool:
        case "uv":
            groups = [word for group in sync.groups or () for word in ("--group", group)]
            none_else = [] if sync.groups is None else ["--no-default-groups"]
            is_usual = record.path == f"{sync.project.rstrip('/')}/.venv"
            where = "" if is_usual else f"UV_PROJECT_ENVIRONMENT={shlex.quote(record.path)} "
            more = shlex.join([*extras, *none_else, *groups])
            return f"{where}uv sync --locked --project {project} {more}".rstrip()
        case "poetry":
            chosen = "" if sync.groups is None else f" --only {shlex.quote(','.join(('main', *sync.groups)))}"
            more = " " + shlex.join(extras) if extras else ""
            return f"{_NOT_ACTIVE} poetry sync --directory {project}{chosen}{more}"
        case "pipenv":
            pipfile = shlex.quote(f"{sync.project.rstrip('/')}/Pipfile")
            return f"PIPENV_IGNORE_VIRTUALENVS=1 PIPENV_PIPFILE={pipfile} pipenv sync{_pipenv_groups(sync)}"


def _pipenv_groups(sync: Sync) -> str:
    groups = sync.groups or ()
    further = [each for each in groups if each != "develop"]
    if not further:
        return " --dev" if groups else ""
    categories = ["packages", *(["dev-packages"] if "develop" in groups else []), *further]
    return f" --categories {shlex.quote(' '.join(categories))}"


def _pip_lines(remedies: Sequence[Remedy], record: EnvironmentRecord) -> list[str] | None:
    """The lines for distributions, by the tool that changes this environment; None where one is not safe."""
    installs = _once(each.requirement for each in remedies if isinstance(each, Install))
    again = _once(each.requirement for each in remedies if isinstance(each, Reinstall))
    removals = _once(each.package for each in remedies if isinstance(each, Remove))
    if not all(re.fullmatch(_PLAIN_NAME, name) for name in removals):
        return None
    again = [each for each in again if _name_of(each) not in removals]  # what goes is not brought back
    python = shlex.quote(record.python)
    pip = f"uv pip {{}} --python {python}" if record.changer == "uv" else f"{python} -m pip {{}}"
    yes = "" if record.changer == "uv" else " --yes"
    anew = "--reinstall" if record.changer == "uv" else "--force-reinstall"
    lines = []
    if removals:
        lines.append(f"{pip.format('uninstall')}{yes} {shlex.join(removals)}")
    if installs:
        lines.append(f"{pip.format('install')} {shlex.join(installs)}")
    if again:
        lines.append(f"{pip.format('install')} {anew} --no-deps {shlex.join(again)}")
    return lines


def _name_of(requirement: str) -> str:
    found = re.match(_REQUIRED, requirement)
    return found[0] if found is not None else ""


def _conda_lines(remedies: Sequence[Remedy], record: EnvironmentRecord) -> list[str] | None:
    """The lines for what conda installs; None where this is no prefix of conda's own."""
    installs = _once(each.spec for each in remedies if isinstance(each, CondaInstall))
    removals = _once(each.package for each in remedies if isinstance(each, CondaRemove))
    if (installs or removals) and record.kind != "conda":
        return None
    if not all(re.fullmatch(_CONDA_NAME, name) for name in removals):
        return None
    prefix = shlex.quote(record.path)
    lines = []
    if removals:
        lines.append(f"conda remove --yes --prefix {prefix} {shlex.join(removals)}")
    if installs:
        lines.append(f"conda install --yes --prefix {prefix} {shlex.join(installs)}")
    return lines


def _once(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def _remake(remake: Remake, record: EnvironmentRecord) -> str | None:
    if record.kind not in ("venv", "virtualenv", "uv") or _may_hold_a_project(record):
        return None
    here, aside = shlex.quote(record.path), shlex.quote(f"{record.path}.before")
    if record.changer == "uv":
        python = shlex.quote(remake.python)
        return f"uv python find {python} && mv {here} {aside} && uv venv --python {python} {here}"
    minor = newest_minor(remake.python)
    if minor is None:
        return None
    return f"python{minor} --version && mv {here} {aside} && python{minor} -m venv {here}"


@lru_cache(maxsize=256)
def newest_minor(specifier: str) -> str | None:
    """Answer the newest ``3.N`` of which some patch release is allowed; None where none is.

    A range without an upper bound says nothing of what exists: its lower end is taken instead.
    """
    minors = [
        minor for minor in PYTHON_MINORS if any(allows(specifier, patch) for patch in patches_of(minor))
    ]
    if not minors:
        return None
    return f"3.{minors[0] if minors[-1] == PYTHON_MINORS[-1] else minors[-1]}"


def _may_hold_a_project(record: EnvironmentRecord) -> bool:
    """Whether the environment's own folder is the project, or a folder inside it is."""
    if record.project is None:
        return False
    inside = record.path.rstrip("/") + "/"
    return (record.project.path.rstrip("/") + "/").startswith(inside)
