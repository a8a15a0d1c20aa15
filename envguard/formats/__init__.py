"""Text to domain and back: policy YAML and locks, with errors that name the line.

What few commands need is imported from its own module: ``write``, ``policy_schema``, ``times``. YAML is read
where there is some: a lock is judged without it.
"""

from typing import TYPE_CHECKING

from envguard.formats.locks import is_lock_name, parse_lock, project_lock, read_lock
from envguard.formats.source import (
    earlier_locks,
    load_policy,
    parse_known,
    parse_source,
    policy_for_lock,
    read_source,
)

if TYPE_CHECKING:
    from envguard.formats.policy import is_policy_name, parse_policy

__all__ = [
    "earlier_locks",
    "is_lock_name",
    "is_policy_name",
    "load_policy",
    "parse_known",
    "parse_lock",
    "parse_policy",
    "parse_source",
    "policy_for_lock",
    "project_lock",
    "read_lock",
    "read_source",
]


def __getattr__(name: str) -> object:
    if name not in ("is_policy_name", "parse_policy"):
        raise AttributeError(name)
    from envguard.formats import policy

    return getattr(policy, name)
