"""A policy as a command line names it: a file, ``NAME``, or ``NAME@rN`` of the server."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from envguard.cli.local import server_client
from envguard.domain.policy import LockedPolicy, PolicySource
from envguard.errors import UsageError
from envguard.formats import is_policy_name, parse_source, read_source
from envguard.runs.policies import is_file_reference

_REVISION = re.compile(r"r?([1-9][0-9]{0,8})", re.ASCII)


class NamedPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The files of a policy that somebody named."""

    given: str
    """What it is called: the file, or ``NAME@rN``."""
    source: PolicySource
    revision: int | None
    """None for a file."""
    lock_revision: int | None = None

    def parsed(self) -> LockedPolicy:
        """Answer the policy with what it extends, and its lock; raises PolicyError."""
        return parse_source(self.source, revision=self.revision, lock_revision=self.lock_revision)


def named_policy(text: str) -> NamedPolicy:
    """Answer the policy behind a word of the command line.

    Raises UsageError where the word is none, PolicyError and TransportError where it cannot be had.
    """
    if is_file_reference(text):
        return NamedPolicy(given=text, source=read_source(Path(text)), revision=None)
    name, at, number = text.partition("@")
    found = _REVISION.fullmatch(number) if at else None
    if not is_policy_name(name) or (at and found is None):
        hint = "a file such as rl-team.yaml, a name, or a revision: rl-team@r4"
        raise UsageError(f"names no policy: `{text}`", hint=hint)
    kept = server_client().policy(name, int(found[1]) if found is not None else None)
    return NamedPolicy(
        given=f"{kept.name}@r{kept.revision}",
        source=kept.source,
        revision=kept.revision,
        lock_revision=kept.lock_revision,
    )
