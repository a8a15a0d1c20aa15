"""The line in a project's files that names its policy, written without touching any other line.

Rules
1. ``[tool.envguard]`` goes to the end of ``pyproject.toml``; where the table is there, the key follows its
   header. Comments, order, line ends and a byte-order mark stay.
2. The result is read again: it must say what it said, and the policy. Where that cannot be had (``tool`` is
   an inline table), the person is told the lines.
"""

from __future__ import annotations

import json
import re

from envguard.errors import PolicyError
from envguard.formats.locks.toml import read_toml

_HEADER = re.compile(r"(?m)^[ \t]*\[[ \t]*tool[ \t]*\.[ \t]*envguard[ \t]*\][ \t]*(?:#[^\r\n]*)?(?=\r?$)")


def marker_lines(policy: str) -> str:
    """Answer the marker's own lines."""
    return f"[tool.envguard]\n{_line(policy)}\n"


def with_marker(text: str, policy: str, *, where: str) -> str:
    """Answer the text of a ``pyproject.toml`` with a marker; ``policy`` is a plain path or name.

    Raises PolicyError where it cannot be added.
    """
    end = "\r\n" if "\r\n" in text else "\n"
    header = _HEADER.search(text)
    if header is not None:
        at = header.end()
        changed = f"{text[:at]}{end}{_line(policy)}{text[at:] or end}"
    else:
        gap = "" if not text.strip() else end if text.endswith("\n") else end + end
        changed = text + gap + marker_lines(policy).replace("\n", end)
    before, after = _read(text), _read(changed)
    if before is None or after is None or after != _with_policy(before, policy):
        raise PolicyError(
            "the marker cannot be added by itself", where=where, hint=marker_lines(policy).strip()
        )
    return changed


def _line(policy: str) -> str:
    return f"policy = {json.dumps(policy, ensure_ascii=False)}"


def _with_policy(document: dict[str, object], policy: str) -> dict[str, object] | None:
    tools = document.get("tool", {})
    ours = tools.get("envguard", {}) if isinstance(tools, dict) else None
    if not isinstance(tools, dict) or not isinstance(ours, dict):
        return None
    return {**document, "tool": {**tools, "envguard": {**ours, "policy": policy}}}


def _read(text: str) -> dict[str, object] | None:
    try:
        return read_toml(text.removeprefix("\ufeff"), "", "")
    except PolicyError:
        return None
