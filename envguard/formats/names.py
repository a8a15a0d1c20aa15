"""Names of policies, made from what a project, a folder or a lock is called."""

from __future__ import annotations

import re

from envguard.formats.locks import is_lock_name
from envguard.formats.policy import is_policy_name

_LONGEST = 64
_NO_NAME = "policy"
_OTHERS = re.compile(r"[^a-z0-9._-]+")
_OF_FORMATS = re.compile(
    r"(?P<name>.*?)[-_.]?(?:(?:uv|poetry|Pipfile)\.lock|conda-lock\.ya?ml|pylock(?:\.[^.]+)?\.toml|"
    r"environment\.ya?ml|requirements\.txt|\.txt|\.lock)"
)


def policy_name_from(text: str) -> str:
    """Answer a name that a policy, and its file, may have: ``RL Team`` becomes ``rl-team``."""
    name = _OTHERS.sub("-", text.lower())[:_LONGEST].strip("-._")
    return name if is_policy_name(name) and not is_lock_name(f"{name}.yaml") else _NO_NAME


def name_of_lock(filename: str) -> str | None:
    """Answer what a file is called besides its format, as ``rl`` of ``rl.uv.lock``; None for nothing."""
    found = _OF_FORMATS.fullmatch(filename)
    return found["name"] if found is not None and found["name"] else None
