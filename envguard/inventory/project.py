"""The project around an environment, and the policy that its marker names.

Rules
1. The nearest folder with ``.envguard.yaml`` or ``pyproject.toml`` is the project; in one folder the
   former's policy counts. A ``pyproject.toml`` without a marker is a project without a policy.
2. The walk ends with a folder that holds ``.git``, before the owner's home, and at the root.
3. ``.envguard.yaml`` has one key: ``policy: NAME``. In ``pyproject.toml`` it is ``[tool.envguard] policy =
   "NAME"``. Any other key there is an error: a typing mistake must not mean "no policy".
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import msgspec

from envguard.domain.environment import ProblemDetail, Project
from envguard.domain.toml_keys import has_long_key
from envguard.errors import PolicyError
from envguard.inventory.distributions import normalised
from envguard.inventory.files import Reader, reader_for, reason_of, shown
from envguard.inventory.search_path import home_of

if TYPE_CHECKING:
    from collections.abc import Iterator

MARKER = ".envguard.yaml"
"""The file that names a policy where there is no pyproject.toml."""

_PYPROJECT = "pyproject.toml"
_CAP_BYTES = 1024 * 1024
# Patterns are compiled where they are needed, which is seldom: an eighth of a millisecond each.
_YAML_LINE = r"""policy:\s+(?:"([^"\\]*)"|'([^']*)'|([^\s#"'\[{&*!|>%@`](?:[^#]|(?<=\S)#)*?))\s*(?:\s#.*)?"""
_YAML_EMPTY = r"\s*(?:#.*)?|---\s*(?:#.*)?|\.\.\.\s*"
_LINE_END = r"\r?\n"
_AT_LINE = r"at line (\d+)"
_HINT_YAML = "policy: rl-team"
_HINT_TOML = '[tool.envguard]\npolicy = "rl-team"'


class _Marker(msgspec.Struct, frozen=True):
    policy: str
    place: str


def project_of(folder: str | os.PathLike[str]) -> Project | None:
    """Answer the project of a folder: of itself, or of the nearest one above.

    Raises PolicyError, with file and line, where a marker cannot be used as it is written.
    """
    for place in _upwards(os.path.abspath(folder)):
        project = _project_in(place)
        if project is not None:
            return project
    return None


def project_for_scan(folder: str | os.PathLike[str]) -> tuple[Project | None, ProblemDetail | None]:
    """Answer what :func:`project_of` does, and for a broken marker the words instead of an error."""
    try:
        return project_of(folder), None
    except PolicyError as error:
        return None, ProblemDetail("unreadable", None, str(error))


def marker_places(folder: str) -> Iterator[str]:
    """Yield the paths that decide which project a folder belongs to, whether or not anything is there."""
    for place in _upwards(os.path.abspath(folder)):
        yield from (os.path.join(place, name) for name in (MARKER, _PYPROJECT, ".git"))


def _upwards(folder: str) -> Iterator[str]:
    home = _home_around(folder)
    while folder != home and folder != os.path.dirname(folder):
        yield folder
        if os.path.lexists(os.path.join(folder, ".git")):
            return
        folder = os.path.dirname(folder)


def _home_around(folder: str) -> str | None:
    try:
        home = home_of(os.stat(folder).st_uid)
    except OSError:
        return None
    return os.path.realpath(home) if home else None


def _project_in(folder: str) -> Project | None:
    reader = reader_for(folder)
    yaml = _content(reader, folder, MARKER)
    toml = _content(reader, folder, _PYPROJECT)
    if yaml is None and toml is None:
        return None
    name, toml_marker = (
        (None, None) if toml is None else _read_pyproject(toml, os.path.join(folder, _PYPROJECT))
    )
    marker = toml_marker if yaml is None else _read_yaml(yaml, os.path.join(folder, MARKER))
    return Project(
        path=shown(folder),
        name=name,
        policy=marker.policy if marker else None,
        marker_place=marker.place if marker else None,
    )


def _content(reader: Reader, folder: str, name: str) -> str | None:
    path = os.path.join(folder, name)
    if not os.path.lexists(path):
        return None
    try:
        return reader.read(path, cap_bytes=_CAP_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise PolicyError(f"cannot be read: {reason_of(error)}", where=shown(path)) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise PolicyError("not UTF-8", where=f"{shown(path)}:{line}") from error


def _read_yaml(text: str, path: str) -> _Marker:
    marker: _Marker | None = None
    for number, line in enumerate(re.split(_LINE_END, text), start=1):
        if re.fullmatch(_YAML_EMPTY, line):
            continue
        match = re.fullmatch(_YAML_LINE, line)
        value = next((group for group in match.groups() if group is not None), "") if match else ""
        if marker is not None or not _is_usable(value):
            what = "twice `policy`" if match and marker else f"not `policy: NAME`: {shown(line.strip())}"
            raise PolicyError(what, where=f"{shown(path)}:{number}", hint=_HINT_YAML)
        marker = _Marker(value, f"{MARKER}:{number}")
    if marker is None:
        raise PolicyError("names no policy", where=f"{shown(path)}:1", hint=_HINT_YAML)
    return marker


def _read_pyproject(text: str, path: str) -> tuple[str | None, _Marker | None]:
    """The project's name, and the marker if there is one."""
    document = _parsed(text, path)
    table = document.get("project")
    name = table.get("name") if isinstance(table, dict) else None
    tools = document.get("tool")
    ours = tools.get("envguard") if isinstance(tools, dict) else None
    marker = None if ours is None else _toml_marker(ours, text, path)
    return (normalised(name) if isinstance(name, str) else None), marker


def _parsed(text: str, path: str) -> dict[str, object]:
    try:
        if has_long_key(text):
            raise ValueError("a key of very many parts")
        return msgspec.toml.decode(text, type=dict[str, object])
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        match = re.search(_AT_LINE, str(error))
        line = int(match[1]) if match else max(text.count("\n"), 1)
        reason = (
            "nested too deeply" if isinstance(error, RecursionError) else str(error).partition(" (at ")[0]
        )
        reason = reason[:1].lower() + reason[1:]
        raise PolicyError(f"not TOML: {shown(reason)}", where=f"{shown(path)}:{line}") from error


def _toml_marker(ours: object, text: str, path: str) -> _Marker:
    line = _line_of(text, "policy")
    if not isinstance(ours, dict) or list(ours) != ["policy"]:
        others = [key for key in ours if key != "policy"] if isinstance(ours, dict) else []
        what = (
            f"unknown key in [tool.envguard]: {shown(others[0])}"
            if others
            else "[tool.envguard] names no policy"
        )
        at = _line_of(text, others[0]) if others else line
        raise PolicyError(what, where=f"{shown(path)}:{at}: tool.envguard", hint=_HINT_TOML)
    policy = ours["policy"]
    if not isinstance(policy, str) or not _is_usable(policy):
        raise PolicyError(
            "not a policy's name", where=f"{shown(path)}:{line}: tool.envguard.policy", hint=_HINT_TOML
        )
    return _Marker(policy, f"{_PYPROJECT}:{line}")


def _is_usable(policy: str) -> bool:
    return bool(policy.strip()) and policy.isprintable()


def _line_of(text: str, key: str) -> int:
    """The line on which ``tool.envguard`` has the key, in whichever of TOML's ways it is written."""
    assigned = re.compile(rf"""\s*["']?{re.escape(key)}["']?\s*=""")
    inline = re.compile(rf"""\s*(?:tool\s*\.\s*)?envguard\s*[.=].*\b{re.escape(key)}\b.*""")
    table, fallback = "", 1
    for number, line in enumerate(re.split(_LINE_END, text), start=1):
        header = re.match(r"""\s*\[([^\[\]]+)\]\s*(?:#.*)?$""", line)
        if header:
            table = re.sub(r"""[\s"']""", "", header[1])
            fallback = number if table == "tool.envguard" else fallback
        elif (table == "tool.envguard" and assigned.match(line)) or (
            table in ("", "tool") and inline.match(line)
        ):
            return number
    return fallback
