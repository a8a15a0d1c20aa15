"""Text to domain and back: policy YAML and locks, with errors that name the line."""

from envguard.formats.locks import is_lock_name, parse_lock, project_lock, read_lock
from envguard.formats.policy import is_policy_name, parse_policy
from envguard.formats.policy_schema import policy_schema
from envguard.formats.source import load_policy, parse_known, parse_source, policy_for_lock, read_source
from envguard.formats.times import parse_time
from envguard.formats.write import write_policy

__all__ = [
    "is_lock_name",
    "is_policy_name",
    "load_policy",
    "parse_known",
    "parse_lock",
    "parse_policy",
    "parse_source",
    "parse_time",
    "policy_for_lock",
    "policy_schema",
    "project_lock",
    "read_lock",
    "read_source",
    "write_policy",
]
