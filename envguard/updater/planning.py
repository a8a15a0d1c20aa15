"""By which interpreter, which tool and which recipe an environment is made.

Rules
1. A run's environment is made by its own version of Python, else by another patch release of the same minor
   one, which is told; never by another implementation.
2. A lock's is made by the first interpreter for which it has an answer, one near the person first.
3. uv makes it where there is one that knows the interpreter; else the interpreter's own ``venv`` and pip.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from packaging.version import Version

from envguard.domain.drift import unmet_by
from envguard.domain.environment import Editable, EnvironmentKind, Interpreter, Package, Snapshot
from envguard.domain.facts import MachineFacts
from envguard.domain.locks.lock import Lock, LockChoice, LockedPackage
from envguard.domain.locks.selection import Ambiguous, Selected, WrongPython, marker_values, select
from envguard.domain.policy import PythonRule
from envguard.domain.recipe import Recipe, recipe_of_lock, recipe_of_snapshot
from envguard.domain.versions import allows, is_version
from envguard.errors import EnvguardError
from envguard.inventory.whole_pythons import WholePython
from envguard.updater.by_pip import ByPip
from envguard.updater.by_uv import ByUv
from envguard.updater.indexes import Indexes, indexes_of_pip, indexes_of_uv
from envguard.updater.interface import Installer

_UV_KNOWS = ">=3.8"
_VENV_KNOWS = ">=3.6"
_READS_NETRC_SINCE = 22
"""The pip that certainly knows the variable; the one of Python 3.6 does not."""

_CONDA_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+!-]{0,198}")
_CONDA_KINDS: frozenset[EnvironmentKind] = frozenset({"conda", "pixi"})


class Plan(msgspec.Struct, frozen=True):
    """How an environment is made."""

    recipe: Recipe
    python: WholePython
    locked: Mapping[str, LockedPackage] | None
    """The entries of a lock that must be there; None of a run: there, nothing else may be."""


def plan_for_run(
    snapshot: Snapshot,
    kind: EnvironmentKind,
    files: Lock | None,
    editables: Sequence[Editable],
    pythons: Iterable[WholePython],
    folder: str,
) -> Plan:
    """Answer how the environment of a run is made again in a folder; ``files`` knows digests of some of it.

    Raises EnvguardError where it cannot be, with conda's own line for conda's.
    """
    if kind in _CONDA_KINDS:
        raise EnvguardError(
            "conda made that environment, and only conda can make it again",
            hint=conda_line(snapshot, folder),
        )
    python = _same_python(snapshot.interpreter, pythons)
    return Plan(recipe_of_snapshot(snapshot, files, editables), python, None)


def plan_for_lock(
    lock: Lock,
    choice: LockChoice,
    rule: PythonRule,
    path: str | None,
    facts: MachineFacts,
    pythons: Iterable[WholePython],
    folder: str,
) -> Plan:
    """Answer how an environment is made in a folder that has what a lock says.

    ``path`` is the lock's file, where it lies on this machine. Raises EnvguardError where the lock has no
    answer for any interpreter here, or asks for what is conda's, with conda's own line.
    """
    if any(each.ecosystem == "conda" for each in lock.packages):
        raise EnvguardError(
            "the lock asks for packages of conda's, and only conda can install them",
            hint=_conda_lock_line(path, folder) if path is not None else None,
        )
    lies_in = os.path.dirname(path) if path is not None else None
    refusals: list[str] = []
    for python in pythons:
        refusal = " ".join(expected for expected, _ in unmet_by(python.interpreter, rule))
        if not refusal:
            match select(lock, marker_values(python.interpreter, facts), choice):
                case Selected(packages):
                    return Plan(recipe_of_lock(packages, lies_in), python, packages)
                case WrongPython(expected):
                    refusal = expected
                case Ambiguous() as ambiguous:
                    raise EnvguardError(f"the lock gives no one answer: {ambiguous.in_words}")
        refusals.append(refusal)
    wanted = " and ".join(dict.fromkeys(refusals)) or "any"
    raise EnvguardError(
        f"no interpreter here is one that is asked for: Python {wanted}", hint=_hint("VERSION")
    )


def installer_for(
    plan: Plan, uv: str | None, given: Indexes, environ: Mapping[str, str], cwd: str
) -> Installer:
    """Answer the tool that makes it; ``uv`` is where uv is, ``given`` what somebody says of indexes.

    Raises EnvguardError where there is none for this interpreter.
    """
    python, version = plan.python, plan.python.interpreter.version
    if uv is not None and allows(_UV_KNOWS, version):
        return ByUv(uv, indexes_of_uv(given, environ, cwd), environ, python.bundled)
    if not allows(_VENV_KNOWS, version):
        raise EnvguardError(f"nothing here makes environments of Python {version}: it has no `venv`")
    if not python.has_pip:
        what = f"Python {version} cannot put pip into an environment, and there is no uv"
        raise EnvguardError(
            what, where=python.path, hint="pip install uv; or the system's package `python3-venv`"
        )
    return ByPip(indexes_of_pip(given, environ), environ, python.bundled, reads_netrc=_reads_netrc(plan))


def conda_line(snapshot: Snapshot, folder: str) -> str | None:
    """Answer what a person types to make conda's environment again; None where it cannot be told in full."""
    conda_s = [
        *snapshot.system_packages,
        *(each for each in snapshot.packages if each.origin.kind == "conda"),
    ]
    others = [each for each in snapshot.packages if each.origin.kind not in ("conda", "index")]
    pins = [f"{each.name}=={each.version}" for each in snapshot.packages if each.origin.kind == "index"]
    specs = list(dict.fromkeys(_conda_spec(each) for each in conda_s))
    if not specs or others or None in specs:
        return None
    line = shlex.join(["conda", "create", "--yes", "--prefix", folder, *filter(None, specs)])
    if not pins:
        return line
    python = os.path.join(folder, "bin", "python")
    return f"{line} && {shlex.join([python, '-m', 'pip', 'install', '--no-deps', *pins])}"


def _conda_lock_line(path: str, folder: str) -> str:
    """What a person types to have conda make a lock's environment."""
    name, where = os.path.basename(path), ["--prefix", folder]
    if re.fullmatch(r"(.+[-_.])?conda-lock\.ya?ml", name):
        return shlex.join(["conda-lock", "install", *where, path])
    words = ["conda", "create"] if name.endswith((".lock", ".txt")) else ["conda", "env", "create"]
    return shlex.join([*words, *where, "--file", path])


def _conda_spec(package: Package) -> str | None:
    told = (package.conda_name or package.name, package.conda_version or package.version)
    words = (*told, package.build) if package.build else told
    return "=".join(words) if all(map(_CONDA_WORD.fullmatch, words)) else None


def _same_python(wanted: Interpreter, pythons: Iterable[WholePython]) -> WholePython:
    alike: list[WholePython] = []
    for python in pythons:
        found = python.interpreter
        if (found.implementation, found.free_threaded) != (wanted.implementation, wanted.free_threaded):
            continue
        if found.version == wanted.version:
            return python
        if _minor(found.version) == _minor(wanted.version):
            alike.append(python)
    if not alike:
        what = f"no {wanted.implementation} {wanted.version} is here, nor another {_minor(wanted.version)}"
        raise EnvguardError(what, hint=_hint(wanted.version))
    return max(alike, key=lambda each: _rank(each.interpreter.version))


def _rank(version: str) -> Version:
    return Version(version) if is_version(version) else Version("0")


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _hint(version: str) -> str:
    return f"uv python install {version}, or pyenv install {version}"


def _reads_netrc(plan: Plan) -> bool:
    wanted = [each.version for each in plan.recipe.ingredients if each.name == "pip"]
    bundled = _bundled_pip(plan.python.bundled)
    return all(
        int(version.partition(".")[0]) >= _READS_NETRC_SINCE for version in (bundled, *wanted) if version
    )


def _bundled_pip(folder: str | None) -> str:
    names = os.listdir(folder) if folder is not None else []
    found = (re.match(r"pip-(\d[^-]*)-", name) for name in names)
    return next((match[1] for match in found if match is not None), "0")
