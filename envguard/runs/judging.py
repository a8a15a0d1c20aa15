"""What a policy says of environments of this machine: the one way in which agent and commands judge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from envguard.domain.binding import Bound, Conflict, Machine, Unbound, bind
from envguard.domain.drift import compare
from envguard.domain.environment import Environment, MachineFacts
from envguard.domain.policy import LockedPolicy
from envguard.domain.verdict import (
    Moved,
    PolicyRef,
    Verdict,
    judge,
    undecided,
    unmanaged,
)


def judge_environment(
    environment: Environment,
    facts: MachineFacts,
    governing: LockedPolicy,
    *,
    machine: str,
    now: datetime,
    moved: Moved | None = None,
) -> Verdict:
    """Answer the verdict of one policy on one environment; ``now`` is aware UTC."""
    broken = broken_marker(environment)
    if broken is not None:
        return undecided(environment.record, reference(governing), broken)
    policy = governing.policy
    return judge(
        compare(environment.snapshot, facts, policy.rules, governing.lock),
        environment.record,
        policy.waivers,
        now,
        machine=machine,
        policy=reference(governing),
        places=policy.places,
        moved=moved,
    )


def judge_bound(
    environments: Iterable[Environment],
    facts: MachineFacts,
    machine: Machine,
    policies: Mapping[str, LockedPolicy],
    now: datetime,
) -> tuple[Verdict, ...]:
    """Answer the verdict on each environment by the policy that its binding names."""
    selectors = {name: each.policy.applies_to for name, each in policies.items()}
    verdicts = []
    for environment in environments:
        record = environment.record
        broken = broken_marker(environment)
        binding = bind(record, machine, selectors)
        if broken is not None:
            verdicts.append(undecided(record, None, broken))
        elif isinstance(binding, Conflict):
            verdicts.append(undecided(record, None, conflict_reason(binding)))
        elif isinstance(binding, Unbound):
            verdicts.append(unmanaged(record))
        else:
            verdicts.append(_by_name(environment, facts, binding, policies, machine.name, now))
    return tuple(verdicts)


def reference(governing: LockedPolicy) -> PolicyRef:
    """Answer how verdicts name this policy."""
    return PolicyRef(
        name=governing.policy.name,
        revision=governing.revision,
        lock=governing.lock_revision,
        digest=governing.policy.digest,
    )


def conflict_reason(conflict: Conflict) -> str:
    """Answer the sentence about several policies from one source."""
    names = " and ".join(f"`{name}`" for name in conflict.policies)
    return f"{names} both apply ({conflict.source}); bind it with `envguard use`"


def broken_marker(environment: Environment) -> str | None:
    """Answer what is wrong with the project's marker, which the snapshot does not tell; None if nothing."""
    known = {(problem.kind, problem.package) for problem in environment.snapshot.problems}
    for detail in environment.record.details:
        if detail.package is None and (detail.kind, detail.package) not in known:
            return detail.detail
    return None


def _by_name(
    environment: Environment,
    facts: MachineFacts,
    binding: Bound,
    policies: Mapping[str, LockedPolicy],
    machine: str,
    now: datetime,
) -> Verdict:
    governing = policies.get(binding.policy)
    if governing is None:
        reason = f"policy `{binding.policy}` ({binding.source}) is not known here"
        return undecided(environment.record, None, reason)
    return judge_environment(environment, facts, governing, machine=machine, now=now)
