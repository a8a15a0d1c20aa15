"""``requirements.txt`` as a lock: every line one pin, ``==`` or ``===``, with or without hashes.

Rules
1. Lines are joined and comments cut as pip does it ("Requirements File Format").
2. Options that say where or how to fetch are read over; those that name further files or folders are refused.
3. A file that pins nothing is no lock.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from envguard.domain.environment import digest_of_text
from envguard.domain.lock import Lock, LockedPackage
from envguard.errors import PolicyError
from envguard.formats.companions import Companions
from envguard.formats.files import raise_all, shown

_IGNORED_OPTIONS = frozenset(
    (
        "--extra-index-url",
        "--find-links",
        "--index-url",
        "--no-binary",
        "--no-index",
        "--only-binary",
        "--pre",
        "--prefer-binary",
        "--require-hashes",
        "--trusted-host",
        "-f",
        "-i",
    )
)
_NESTING_OPTIONS = frozenset(("--constraint", "--requirement", "-c", "-r"))
_OPTION = re.compile(r"--[^\s=]+|-[a-zA-Z]")
_COMMENT = re.compile(r"(^|\s+)#.*$")
_HASHES = re.compile(r"\s+--hash[= ]\s*\S+")
_LONGEST_VERSION = 200
_ONE_FILE = "one file with every pin: `uv pip compile` or `pip freeze` write it"


def parse_requirements(text: str, filename: str, _companions: Companions) -> Lock:
    """Answer the lock that a pinned requirements file says; raises PolicyError with every wrong line."""
    packages: list[LockedPackage] = []
    problems: list[PolicyError] = []
    unconditional: dict[str, int] = {}
    for number, content in _logical_lines(text):
        where = f"{filename}:{number}"
        try:
            package = _pinned(content, where)
        except PolicyError as problem:
            problems.append(problem)
            continue
        if package is None:
            continue
        packages.append(package)
        if package.marker is None and package.name in unconditional:
            what = f"`{package.name}` is pinned on line {unconditional[package.name]} already"
            problems.append(PolicyError(what, where=where, hint="keep one of the two"))
        elif package.marker is None:
            unconditional[package.name] = number
    if not packages and not problems:
        problems.append(PolicyError("the lock pins nothing", where=filename, hint=_ONE_FILE))
    raise_all(problems, filename)
    return Lock(packages=tuple(packages), digest=digest_of_text(text))


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines with the number that each begins at: joined, without comments and blanks."""
    start, held = 0, ""
    for number, raw in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        start = start or number
        is_comment = raw.lstrip().startswith("#")
        if raw.endswith("\\") and not is_comment:
            held += raw.rstrip("\\") + " "
            continue
        content = _COMMENT.sub("", held + (" " + raw if is_comment else raw)).strip()
        if content:
            yield start, content
        start, held = 0, ""
    if content := _COMMENT.sub("", held).strip():
        yield start, content


def _pinned(content: str, where: str) -> LockedPackage | None:
    """Answer the pin of a line; None for an option that a lock may have."""
    option = _OPTION.match(content)
    if option is not None and option[0] in _IGNORED_OPTIONS:
        return None
    if content.startswith("-"):
        raise _refused_option(option[0] if option else content, where)
    try:
        requirement = Requirement(_HASHES.sub("", content).strip())
    except (InvalidRequirement, RecursionError) as error:
        what = "not a pin" if "://" in content else "not a requirement"
        raise PolicyError(f"{what}: `{shown(content)}`", where=where, hint="gym==0.26.2") from error
    specifiers = list(requirement.specifier)
    is_pin = len(specifiers) == 1 and specifiers[0].operator in ("==", "===")
    version = specifiers[0].version if is_pin else ""
    if requirement.url is not None or not version or version.endswith(".*"):
        hint = f"{shown(requirement.name)}==VERSION: a lock pins everything"
        raise PolicyError(f"not a pin: `{shown(content)}`", where=where, hint=hint)
    if len(version) > _LONGEST_VERSION:
        raise PolicyError(f"not a version: `{shown(version)}`", where=where, hint="gym==0.26.2")
    return LockedPackage(
        name=str(canonicalize_name(requirement.name)),
        version=version,
        marker=str(requirement.marker) if requirement.marker is not None else None,
    )


def _refused_option(option: str, where: str) -> PolicyError:
    if option in _NESTING_OPTIONS:
        return PolicyError(
            f"not supported by this version yet: `{option}` (further files)", where=where, hint=_ONE_FILE
        )
    return PolicyError(f"not supported in a lock: `{shown(option)}`", where=where, hint=_ONE_FILE)
