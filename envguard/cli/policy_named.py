"""A policy as a command line names it: a file, ``NAME``, or ``NAME@rN`` of the server.

Where the server cannot be had, the revision that this machine holds is taken, and that is said.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from envguard.cli.local import kept_policies, server_client
from envguard.cli.output import now, tell
from envguard.domain.ages import age_text
from envguard.domain.policy import LockedPolicy, PolicySource
from envguard.errors import EnvguardError, RefusedError, TransportError, UsageError
from envguard.formats import is_policy_name, parse_source, read_source
from envguard.runs.policies import is_file_reference

if TYPE_CHECKING:
    from envguard.state import KeptPolicy
    from envguard.wire import PolicyRevision

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
    kept = _revision(name, int(found[1]) if found is not None else None)
    return NamedPolicy(
        given=f"{kept.name}@r{kept.revision}",
        source=kept.source,
        revision=kept.revision,
        lock_revision=kept.lock_revision,
    )


def _revision(name: str, number: int | None) -> PolicyRevision | KeptPolicy:
    """Answer the server's revision; the one that is held here only where no server can be had."""
    try:
        return server_client().policy(name, number)
    except RefusedError:
        raise
    except TransportError as error:
        return _held(name, number, error)
    except UsageError as error:
        if os.environ.get("ENVGUARD_SERVER") or os.environ.get("ENVGUARD_TOKEN"):
            raise
        return _held(name, number, error)


def _held(name: str, number: int | None, error: EnvguardError) -> KeptPolicy:
    kept, pulled = kept_policies()
    held = {**kept, **pulled}.get(name)
    if held is None or number not in (None, held.revision):
        raise error
    how = "pulled" if name in pulled else "received"
    tell(f"note: {error.what}; this is `{name}` r{held.revision}, {how} {age_text(held.received_at, now())}")
    return held
