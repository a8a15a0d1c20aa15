"""Tools that run a command in an environment of theirs: uv, Poetry, conda, pixi."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping

from envguard.runs.command.interface import (
    Line,
    Step,
    Untold,
    inside,
    is_environment,
    options_of,
    upwards,
)
from envguard.runs.command.program import of_program

_SCRIPT_METADATA = re.compile(rb"^# /// script\s*$", re.MULTILINE)
_UV_WORKSPACE = re.compile(rb"^\s*\[tool\.uv\.workspace\]", re.MULTILINE)
_READ_BYTES = 1024 * 1024
_PYPROJECT = "pyproject.toml"
_UV_VALUED = frozenset(
    [
        "--extra",
        "--no-extra",
        "--group",
        "--no-group",
        "--only-group",
        "--no-editable-package",
        "--env-file",
        "-w",
        "--with",
        "--with-editable",
        "--with-requirements",
        "--package",
        "--python-platform",
        "--index",
        "--default-index",
        "-i",
        "--index-url",
        "--extra-index-url",
        "-f",
        "--find-links",
        "--index-strategy",
        "--keyring-provider",
        "-P",
        "--upgrade-package",
        "--upgrade-group",
        "--resolution",
        "--prerelease",
        "--prerelease-package",
        "--fork-strategy",
        "--exclude-newer",
        "--exclude-newer-package",
        "--no-sources-package",
        "--reinstall-package",
        "--link-mode",
        "-C",
        "--config-setting",
        "--config-settings-package",
        "--no-build-isolation-package",
        "--no-build-package",
        "--no-binary-package",
        "--cache-dir",
        "--refresh-package",
        "-p",
        "--python",
        "--color",
        "--allow-insecure-host",
        "--directory",
        "--project",
        "--config-file",
    ]
)
"""Options that take a value, as ``uv run --help`` lists them."""
_POETRY_VALUED = frozenset(["-C", "--directory", "-P", "--project"])
_CONDA_VALUED = frozenset(
    ["-n", "--name", "-p", "--prefix", "--cwd", "-r", "--root-prefix", "-e", "--env", "-a", "--attach"]
)
_PIXI_VALUED = frozenset(
    [
        "--manifest-path",
        "-m",
        "-e",
        "--environment",
        "--color",
        "--auth-file",
        "--pypi-keyring-provider",
        "--concurrent-downloads",
        "--concurrent-solves",
        "--tls-root-certs",
        "-w",
        "--workspace",
    ]
)


def of_uv(line: Line) -> Step:
    """Answer what ``uv run`` starts, in the project's environment or in what is active."""
    before = options_of(line.words[1:], _UV_VALUED)
    if before.rest[:1] != ("run",):
        return of_program(line)
    options = options_of(before.rest[1:], _UV_VALUED)
    given = {**before.given, **options.given}
    cwd = os.path.join(line.cwd, given.get("--directory", ""))
    if "--isolated" in given or any(name.startswith("--with") or name == "-w" for name in given):
        return Untold("`uv run` makes an environment for this run alone")
    if _is_script_of_its_own(given, options.rest, cwd):
        return Untold("`uv run` makes an environment for the script alone")
    prefix = _of_uv(given, line.environ, cwd)
    if prefix is None:
        return Untold("`uv run` finds no project and no environment here")
    if not is_environment(prefix):
        return Untold(f"uv has not made {prefix} yet")
    return inside(line._replace(words=options.rest, cwd=cwd), prefix, "`uv run`")


def _is_script_of_its_own(given: Mapping[str, str], rest: tuple[str, ...], cwd: str) -> bool:
    if "--script" in given or "-s" in given:
        return True
    is_python = rest[:1] and rest[0].endswith(".py")
    return bool(is_python) and _SCRIPT_METADATA.search(_content(os.path.join(cwd, rest[0]))) is not None


def _of_uv(given: Mapping[str, str], environ: Mapping[str, str], cwd: str) -> str | None:
    """Where uv's environment is: of the project, or of its workspace; else what is active, or a ``.venv``."""
    start = os.path.join(cwd, given.get("--project", ""))
    projects = list(filter(_has_project, upwards(start)))
    active = environ.get("VIRTUAL_ENV")
    if projects and "--no-project" not in given:
        if "--active" in given and active:
            return active
        root = next((each for each in projects if _is_workspace(each)), projects[0])
        return os.path.join(root, environ.get("UV_PROJECT_ENVIRONMENT") or ".venv")
    beside = (os.path.join(folder, ".venv") for folder in upwards(start))
    return active or environ.get("CONDA_PREFIX") or next(filter(is_environment, beside), None)


def _is_workspace(folder: str) -> bool:
    return _UV_WORKSPACE.search(_content(os.path.join(folder, _PYPROJECT))) is not None


def of_poetry(line: Line) -> Step:
    """Answer what ``poetry run`` starts, in what is active or in the project's environment."""
    options = options_of(line.words[1:], _POETRY_VALUED)
    if options.rest[:1] != ("run",):
        return of_program(line)
    cwd = os.path.join(line.cwd, options.first("-C", "--directory") or "")
    project = os.path.join(cwd, options.first("-P", "--project") or "")
    rest = line._replace(words=options.rest[1:], cwd=cwd)
    active = line.environ.get("VIRTUAL_ENV")
    if active:
        return inside(rest, active, "`poetry run`")
    folder = next((each for each in upwards(project) if _has_project(each)), None)
    if folder is None:
        return Untold("`poetry run` finds no project here")
    found = list(_of_poetry(folder, line.environ))
    if len(found) != 1:
        return Untold(f"Poetry has {len(found)} environments for {folder}")
    return inside(rest, found[0], "`poetry run`")


def _of_poetry(folder: str, environ: Mapping[str, str]) -> Iterator[str]:
    """The environments of a project: its own ``.venv``, else those in Poetry's folder for all."""
    own = os.path.join(folder, ".venv")
    if is_environment(own):
        yield own
        return
    begin = f"-{_poetrys_mark(folder)}-py"
    for place in _poetrys_folders(environ):
        names = sorted(os.listdir(place)) if os.path.isdir(place) else []
        yield from (os.path.join(place, name) for name in names if begin in name)


def _poetrys_mark(folder: str) -> str:
    """What Poetry puts into an environment's name for the project's place (its ``generate_env_name``)."""
    from base64 import urlsafe_b64encode
    from hashlib import sha256

    return urlsafe_b64encode(sha256(os.fsencode(os.path.realpath(folder))).digest()).decode()[:8]


def _poetrys_folders(environ: Mapping[str, str]) -> Iterator[str]:
    told = environ.get("POETRY_VIRTUALENVS_PATH")
    if told:
        yield told
        return
    home = environ.get("HOME", "")
    caches = (
        environ.get("POETRY_CACHE_DIR"),
        os.path.join(environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache"), "pypoetry"),
        os.path.join(home, "Library", "Caches", "pypoetry"),
    )
    yield from (os.path.join(cache, "virtualenvs") for cache in dict.fromkeys(caches) if cache)


def _has_project(folder: str) -> bool:
    return os.path.isfile(os.path.join(folder, _PYPROJECT))


def of_conda(line: Line) -> Step:
    """Answer what ``conda run`` starts; mamba and micromamba do as it does."""
    before = options_of(line.words[1:], frozenset({"-r", "--root-prefix", "--rc-file"}))
    if before.rest[:1] != ("run",):
        return of_program(line)
    options = options_of(before.rest[1:], _CONDA_VALUED)
    rest = line._replace(words=options.rest, cwd=os.path.join(line.cwd, options.first("--cwd") or ""))
    prefix = options.first("-p", "--prefix")
    name = options.first("-n", "--name")
    if prefix is None and name is not None:
        from pathlib import Path

        from envguard.inventory import choose_environment

        chosen = choose_environment(f"conda:{name}", environ=line.environ, cwd=Path(line.cwd))
        prefix = str(chosen.path)
    prefix = prefix or line.environ.get("CONDA_PREFIX")
    if not prefix:
        return Untold(f"`{line.words[0]} run` names no environment, and none is active")
    return inside(rest, os.path.join(line.cwd, prefix), f"`{os.path.basename(line.words[0])} run`")


def of_pixi(line: Line) -> Step:
    """Answer what ``pixi run`` starts: a command or a task, in an environment of the project."""
    before = options_of(line.words[1:], _PIXI_VALUED)
    if before.rest[:1] != ("run",):
        return of_program(line)
    options = options_of(before.rest[1:], _PIXI_VALUED)
    manifest = options.first("--manifest-path", "-m")
    start = os.path.join(line.cwd, manifest or "")
    start = os.path.dirname(start) if manifest and os.path.isfile(start) else start
    name = options.first("-e", "--environment") or "default"
    for folder in upwards(start):
        prefix = os.path.join(folder, ".pixi", "envs", name)
        if is_environment(prefix):
            return inside(line._replace(words=options.rest), prefix, "`pixi run`")
    return Untold(f"pixi has made no environment `{name}` here")


def _content(path: str) -> bytes:
    """The beginning of a file; nothing where there is none, or it is no file that can be read."""
    if not os.path.isfile(path):
        return b""
    try:
        with open(path, "rb") as file:
            return file.read(_READ_BYTES)
    except OSError:
        return b""
