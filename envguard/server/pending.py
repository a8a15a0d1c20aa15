"""What in the team's report waits for a newer revision: it is what it was until that has judged it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from envguard.wire import PendingRevision, TeamEnvironment, TeamMachine


def with_pending(row: TeamMachine, newest: Mapping[str, int], moved: Collection[str]) -> TeamMachine:
    """Answer a machine with what it waits for; ``moved`` are policies that may bind it differently now."""
    environments = tuple(_with_pending(each, newest) for each in row.environments)
    waits = {each.policy for each in environments if each.pending_revision is not None}.union(moved)
    pending = {name: number for name, number in newest.items() if name in waits}
    return msgspec.structs.replace(row, environments=environments, pending=pending) if pending else row


def pending_in(rows: Sequence[TeamMachine], newest: Mapping[str, int]) -> dict[str, PendingRevision]:
    """Answer the policies for which a machine waits."""
    found = {}
    for name, revision in newest.items():
        waiting = sum(name in row.pending for row in rows)
        if waiting:
            of = sum(name in row.pending or name in _policies(row.environments) for row in rows)
            found[name] = PendingRevision(revision=revision, machines=waiting, of=of)
    return found


def _with_pending(environment: TeamEnvironment, newest: Mapping[str, int]) -> TeamEnvironment:
    number = newest.get(environment.policy or "")
    if number is None or environment.revision is None or environment.revision >= number:
        return environment
    return msgspec.structs.replace(environment, pending_revision=number)


def _policies(environments: Iterable[TeamEnvironment]) -> set[str | None]:
    return {each.policy for each in environments}
