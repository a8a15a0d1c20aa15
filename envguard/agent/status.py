"""What ``envguard status`` shows, and what the agent would send."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from envguard.agent.sync import Scanner, look, scan_apart
from envguard.domain.verdict import Verdict
from envguard.state import KeptPolicy, State
from envguard.state.told import ToldTeam
from envguard.wire import Records


class StatusPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A policy that this machine holds."""

    name: str
    revision: int
    lock_revision: int | None
    received_at: datetime
    age_s: float
    """Since it was received."""
    is_pulled: bool = False
    """A person pulled it into the user's cache; else the agent keeps it."""


class Status(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/status/1"):
    """How this machine stands, by its own files: the server is not asked."""

    machine: str | None
    """None before it joined."""
    server: str | None
    is_agent_running: bool
    told_in: str | None = None
    """The folder in which another user's agent tells what this one judges by; None where it is one's own."""
    scanned_at: datetime | None
    contacted_at: datetime | None
    """When the server last answered as it should."""
    error: str | None
    """Why the last round did not end well."""
    is_incomplete: bool
    policies: tuple[StatusPolicy, ...] = ()
    environments: tuple[Verdict, ...] = ()


def read_status(
    state: State, *, now: datetime, pulled: Mapping[str, KeptPolicy], told: ToldTeam | None
) -> Status:
    """Answer what is known here; StateError where a file of the state is broken.

    ``pulled`` are the policies of the user's cache that judge in the place of the agent's, or besides them;
    ``told`` is what another user's agent tells, where this user has none.
    """
    identity = state.identity()
    last = state.last_status()
    received = told.policies if told is not None else state.policies()
    policies = tuple(
        StatusPolicy(
            name=each.name,
            revision=each.revision,
            lock_revision=each.lock_revision,
            received_at=each.received_at,
            age_s=max((now - each.received_at).total_seconds(), 0.0),
            is_pulled=name in pulled,
        )
        for name, each in sorted({**received, **pulled}.items())
    )
    machine = identity or (told.machine if told is not None else None)
    return Status(
        machine=machine.name if machine is not None else None,
        server=identity.url if identity is not None else None,
        told_in=told.folder if told is not None else None,
        is_agent_running=state.is_agent_running(),
        scanned_at=last.scanned_at,
        contacted_at=last.contacted_at,
        error=last.error,
        is_incomplete=last.is_incomplete,
        policies=policies,
        environments=last.verdicts,
    )


def dry_run(state: State, *, scan: Scanner = scan_apart) -> Records:
    """Answer exactly what the agent would send now; nothing is sent."""
    identity = state.identity()
    return look(state, identity.roots if identity is not None else (), scan=scan).records
