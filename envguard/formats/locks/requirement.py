"""One line of a requirements file: an entry of the lock, or further files, or nothing that a lock must know.

Rules
1. Options that say where or how to fetch and build are read over. Unknown ones are refused.
2. ``name==version`` (or ``===``) is a pin, and so is a direct reference that cannot move. What leaves the
   version open is told as such: whether a constraint pins it, only all the files together know.
3. Extras in brackets ask for further packages, which a lock lists by themselves: they are read over.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator

import msgspec
from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from envguard.domain.locks.lock import Artifact, LockedPackage
from envguard.domain.versions import is_specifier
from envguard.errors import PolicyError
from envguard.formats.files import has_controls, shown
from envguard.formats.locks.addresses import (
    Reference,
    is_address,
    is_name,
    name_and_version,
    parse_digest,
    parse_reference,
    refuse_variables,
)
from envguard.formats.locks.lines import Line, split_options

LONGEST_VERSION = 200
"""Characters; what is longer is no version that anything has."""

_LONGEST = 10_000
"""Characters of a requirement, or of an option: beyond, nobody wrote it by hand, and no tool."""
_FLAGS = frozenset(("--no-index", "--pre", "--prefer-binary", "--require-hashes"))
_VALUED = frozenset(
    (
        "--extra-index-url",
        "--find-links",
        "--index-url",
        "--no-binary",
        "--only-binary",
        "--trusted-host",
        "--use-feature",
        "-f",
        "-i",
    )
)
_BUILDING = frozenset(("--config-setting", "--config-settings", "--global-option", "--install-option", "-C"))
_INCLUDING = {"--requirement": False, "-r": False, "--constraint": True, "-c": True}
"""Options that name a further file, and whether it only constrains."""
_EDITABLE = re.compile(r"(?:--editable(?:=|\s)|-e)(.*)", re.DOTALL)
_FROZEN = re.compile(r"# Editable .*\((?P<name>[^()=\s]+)(?:==[^()]*)?\)")
"""What ``pip freeze`` writes above an editable that is in no repository."""


class Include(msgspec.Struct, frozen=True):
    """A further file that a line names, as it is written."""

    name: str
    only_constrains: bool


class Entry(msgspec.Struct, frozen=True):
    """A package that a line names."""

    package: LockedPackage
    written: str
    """The line's requirement; errors may not show it as it is."""
    where: str


NameOf = Callable[[str, str], str | None]
"""Answers the name of the project in a folder that a file names; takes the path as it is written, and where
it is written. None where nothing says so."""


def parse_line(line: Line, where: str, name_of: NameOf) -> Iterator[Entry | Include]:
    """Yield what a line says; raises PolicyError where a lock cannot have such a line."""
    if has_controls(line.content):
        raise PolicyError(f"control characters in a line: `{shown(line.content)}`", where=where)
    asked, options = split_options(line.content)
    if len(asked) > _LONGEST:
        raise PolicyError(f"not a requirement: `{shown(asked)}`", where=where, hint="gym==0.26.2")
    editable = _EDITABLE.fullmatch(options) if not asked else None
    if editable is not None:
        yield _editable(split_options(editable[1])[0], line.comment, where, name_of)
    elif not asked:
        yield from _included(options, where)
    else:
        artifacts = tuple(_artifacts(options, where)) if options else ()
        yield Entry(_package(asked, artifacts, where, name_of), asked, where)


def _included(options: str, where: str) -> Iterator[Include]:
    words = _words(options, where)
    while words:
        option, value = _option(words, where)
        if option in _INCLUDING:
            if value is None:
                raise PolicyError(f"`{option}` names no file", where=where)
            refuse_variables(value, where)
            yield Include(value, _INCLUDING[option])
        elif option not in _FLAGS and option not in _VALUED:
            raise _refused(option, where)


def _artifacts(options: str, where: str) -> Iterator[Artifact]:
    """The files that the ``--hash`` of a requirement let in."""
    words = options.split() if "'" not in options and '"' not in options else _words(options, where)
    while words:
        option, value = _option(words, where)
        if option == "--hash":
            digest = parse_digest(value or "")
            if digest is None:
                what = f"not a hash: `{shown(value or '')}`"
                raise PolicyError(what, where=where, hint="--hash=sha256: and 64 hexadecimal digits")
            yield Artifact("", (digest,))
        elif option not in _BUILDING:
            raise _refused(option, where)


def _option(words: list[str], where: str) -> tuple[str, str | None]:
    """Take an option off the front, with its value, which may be the next word."""
    word = words.pop(0)
    if word.startswith("--"):
        option, has_value, value = word.partition("=")
    else:
        option, value = word[:2], word[2:]
        has_value = value
    if has_value or option in _FLAGS:
        return option, value
    if words and option.startswith("-"):
        return option, words.pop(0)
    if option.startswith("-"):
        return option, None
    raise PolicyError(f"not an option: `{shown(word)}`", where=where)


def _words(options: str, where: str) -> list[str]:
    if len(options) > _LONGEST:
        raise PolicyError("too long for options", where=where)
    try:
        return shlex.split(options)
    except ValueError as error:
        raise PolicyError(
            f"not options: `{shown(options)}`", where=where, hint="look at the quotes"
        ) from error


def _refused(option: str, where: str) -> PolicyError:
    return PolicyError(
        f"not supported in a lock: `{shown(option)}`",
        where=where,
        hint="a lock says what, not how: take it out",
    )


def _editable(text: str, comment: str, where: str, name_of: NameOf) -> Entry:
    text = text.strip()
    if text[:1] in ("'", '"') and text[:1] == text[-1:]:
        text = text[1:-1]
    location, marker = _split_marker(text, where)
    before, is_named, address = location.partition(" @ ")
    if is_named:
        location = address.strip()
    location = location if "#" in location else location.partition("[")[0]
    reference = parse_reference(location.strip(), where, is_editable=True)
    frozen = _FROZEN.fullmatch(comment)
    told = before if is_named else frozen["name"] if frozen is not None else None
    name = _name(told) or reference.name or (None if "://" in location else name_of(location, where))
    if name is None:
        hint = "a folder tells it in its pyproject.toml, an address behind it: #egg=NAME"
        raise PolicyError(f"the package's name is not said: `{shown(text)}`", where=where, hint=hint)
    return Entry(reference.package(name, marker), text, where)


def _package(asked: str, artifacts: tuple[Artifact, ...], where: str, name_of: NameOf) -> LockedPackage:
    first = asked.split(maxsplit=1)[0]
    if is_address(first) and "@" not in first.partition("://")[0]:
        return _addressed(asked, artifacts, where, name_of)
    requirement = _requirement(asked, where)
    name = str(canonicalize_name(requirement.name))
    marker = str(requirement.marker) if requirement.marker is not None else None
    if requirement.url is not None:
        reference = parse_reference(requirement.url, where)
        return _from(_checked(reference, name, where), name, marker, artifacts)
    refuse_variables(asked, where)
    version = _pinned_version(requirement)
    specifier = None if version is not None else str(requirement.specifier)
    if len(version or "") > LONGEST_VERSION or (specifier and not is_specifier(specifier)):
        said = shown(version or specifier or "")
        raise PolicyError(f"not a version: `{said}`", where=where, hint="gym==0.26.2")
    return LockedPackage(
        name=name,
        version=version,
        marker=marker,
        specifier=specifier or None,
        artifacts=artifacts,
    )


def _requirement(asked: str, where: str) -> Requirement:
    try:
        return Requirement(asked)
    except (InvalidRequirement, RecursionError) as error:
        raise PolicyError(f"not a requirement: `{shown(asked)}`", where=where, hint="gym==0.26.2") from error


def _pinned_version(requirement: Requirement) -> str | None:
    specifiers = list(requirement.specifier)
    if len(specifiers) != 1 or specifiers[0].operator not in ("==", "==="):
        return None
    version = specifiers[0].version
    return None if version.endswith(".*") else version


def _addressed(asked: str, artifacts: tuple[Artifact, ...], where: str, name_of: NameOf) -> LockedPackage:
    """A line that is an address, or a path, without a name before it."""
    location, marker = _split_marker(asked, where)
    path = location.rpartition("[")[0] if location.endswith("]") else location
    reference = parse_reference(path, where)
    name = reference.name
    if name is None and "://" not in path:
        name = name_of(path, where)
    if name is None:
        hint = f"NAME @ {shown(path)}"
        raise PolicyError(
            f"not a pin: the package's name is not said: `{shown(asked)}`", where=where, hint=hint
        )
    return _from(reference, name, marker, artifacts)


def _from(
    reference: Reference, name: str, marker: str | None, artifacts: tuple[Artifact, ...]
) -> LockedPackage:
    package = reference.package(name, marker)
    if not artifacts:
        return package
    return msgspec.structs.replace(package, artifacts=(*package.artifacts, *artifacts))


def _checked(reference: Reference, name: str, where: str) -> Reference:
    """The reference, without a version that its file's name tells of another package."""
    filename = reference.artifacts[0].filename if reference.artifacts else ""
    told = name_and_version(filename) if filename else None
    if told is None or told[0] == name:
        return reference
    if filename.endswith(".whl"):
        what = f"`{name}` is asked for, and the wheel is of `{shown(told[0])}`"
        raise PolicyError(what, where=where, hint="correct one of the two")
    return reference._replace(version=None)


def _split_marker(text: str, where: str) -> tuple[str, str | None]:
    """Answer an address or a path, and its marker; a ``;`` in an address belongs to it, without a blank."""
    location, is_marked, marker = text.partition(" ;")
    if not is_marked:
        location, is_marked, marker = text.partition("; ")
    if not is_marked or not marker.strip():
        return location.strip(), None
    try:
        return location.strip(), str(Marker(marker.strip()))
    except (InvalidMarker, RecursionError) as error:
        raise PolicyError(f"not a marker: `{shown(marker.strip())}`", where=where) from error


def _name(text: str | None) -> str | None:
    bare = (text or "").partition("[")[0].strip()
    return str(canonicalize_name(bare)) if is_name(bare) else None
