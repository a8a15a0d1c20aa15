"""Lock files to ``domain.lock.Lock``: ``pylock.toml`` (PEP 751) and pinned ``requirements.txt``."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from envguard.domain.environment import digest_of_text
from envguard.domain.lock import Lock, LockedPackage
from envguard.errors import PolicyError

LIMIT_BYTES = 32 * 1024 * 1024
"""No lock is larger."""

_PYLOCK_NAME = re.compile(r"pylock(\.[^.]+)?\.toml|.+\.pylock\.toml")
_IGNORED_OPTIONS = (
    "--index-url",
    "-i",
    "--extra-index-url",
    "--find-links",
    "-f",
    "--no-index",
    "--only-binary",
    "--no-binary",
    "--require-hashes",
    "--prefer-binary",
    "--trusted-host",
)
_COMMENT = re.compile(r"(^|\s)#.*$")
_HASHES = re.compile(r"\s--hash[= ]\S+")


def parse_lock(text: str, *, filename: str) -> Lock:
    """Answer the lock that a text says, its format told by the file's name.

    Raises PolicyError with the place where it is not a lock.
    """
    name = Path(filename).name
    if _PYLOCK_NAME.fullmatch(name):
        return _parse_pylock(text, filename)
    if name.endswith(".txt"):
        return _parse_requirements(text, filename)
    raise PolicyError(
        "not a lock that this version reads", where=filename, hint="pylock.toml, NAME.pylock.toml or *.txt"
    )


def project_lock(folder: Path) -> tuple[Path, Lock] | None:
    """Answer a project's own lock: pylock.toml, pylock.*.toml, or a requirements.txt that pins everything.

    Raises PolicyError where a pylock is there and cannot be used. A requirements.txt that pins not everything
    is no lock.
    """
    for path in (folder / "pylock.toml", *sorted(folder.glob("pylock.*.toml"))):
        if path.is_file():
            return path, parse_lock(read_text(path, "lock"), filename=path.name)
    requirements = folder / "requirements.txt"
    if not requirements.is_file():
        return None
    try:
        return requirements, parse_lock(read_text(requirements, "lock"), filename=requirements.name)
    except PolicyError:
        return None


def read_text(path: Path, what: str, *, where: str | None = None, limit_bytes: int = LIMIT_BYTES) -> str:
    """Answer a file's text; raises PolicyError where it is missing, too large, or not UTF-8."""
    place = where or str(path)
    try:
        if not path.is_file():
            raise PolicyError(f"there is no such {what}: {path}", where=place, hint="is the path right?")
        if path.stat().st_size > limit_bytes:
            raise PolicyError(f"too large for a {what}: over {limit_bytes >> 20} MiB", where=place)
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PolicyError(f"the {what} is not UTF-8", where=place) from error
    except OSError as error:
        raise PolicyError(f"the {what} cannot be read: {error.strerror}", where=place) from error


def _parse_pylock(text: str, filename: str) -> Lock:
    from packaging.pylock import Pylock, PylockUnsupportedVersionError, PylockValidationError

    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        pylock = Pylock.from_dict(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"not TOML: {error}", where=filename) from error
    except (PylockValidationError, PylockUnsupportedVersionError) as error:
        raise PolicyError(
            f"not a lock: {error}", where=filename, hint="make it anew with `uv export` or `pip lock`"
        ) from error
    except RecursionError as error:
        raise PolicyError("nested too deeply", where=filename) from error
    return Lock(
        packages=tuple(
            LockedPackage(
                name=str(package.name),
                version=str(package.version) if package.version is not None else None,
                marker=str(package.marker) if package.marker is not None else None,
                requires_python=str(package.requires_python) if package.requires_python else None,
            )
            for package in pylock.packages
        ),
        digest=digest_of_text(text),
        requires_python=str(pylock.requires_python) if pylock.requires_python else None,
        environments=tuple(str(marker) for marker in pylock.environments or ()),
        default_groups=tuple(pylock.default_groups or ()),
    )


def _parse_requirements(text: str, filename: str) -> Lock:
    packages, problems = [], []
    for line, content in _logical_lines(text):
        where = f"{filename}:{line}"
        option = content.split("=")[0].split()[0]
        if option in _IGNORED_OPTIONS:
            continue
        try:
            packages.append(_pinned(content, where))
        except PolicyError as problem:
            problems.append(problem)
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise PolicyError(f"{len(problems)} problems", where=filename, problems=problems)
    return Lock(packages=tuple(packages), digest=digest_of_text(text))


def _logical_lines(text: str) -> list[tuple[int, str]]:
    """Answer the lines with their numbers: continued ones joined, comments and blanks dropped."""
    lines: list[tuple[int, str]] = []
    start, held = 0, ""
    for number, raw in enumerate(text.splitlines(), start=1):
        start = start or number
        stripped = _COMMENT.sub("", raw).rstrip()
        if stripped.endswith("\\"):
            held += stripped[:-1] + " "
            continue
        if (held + stripped).strip():
            lines.append((start, (held + stripped).strip()))
        start, held = 0, ""
    if held.strip():
        lines.append((start, held.strip()))
    return lines


def _pinned(content: str, where: str) -> LockedPackage:
    if content.startswith("-"):
        raise PolicyError(
            f"not supported in a lock: `{content.split(maxsplit=1)[0]}`",
            where=where,
            hint="one file with every pin: `uv pip compile` or `pip freeze` write it",
        )
    try:
        requirement = Requirement(_HASHES.sub("", content).strip())
    except InvalidRequirement as error:
        raise PolicyError(f"not a requirement: `{content}`", where=where, hint="gym==0.26.2") from error
    specifiers = list(requirement.specifier)
    is_pin = len(specifiers) == 1 and specifiers[0].operator in ("==", "===")
    if requirement.url is not None or not is_pin or specifiers[0].version.endswith(".*"):
        raise PolicyError(
            f"not a pin: `{content}`",
            where=where,
            hint=f"{requirement.name}==VERSION: a lock pins everything",
        )
    return LockedPackage(
        name=str(canonicalize_name(requirement.name)),
        version=specifiers[0].version,
        marker=str(requirement.marker) if requirement.marker is not None else None,
    )
