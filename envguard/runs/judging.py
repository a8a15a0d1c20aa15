"""What a policy says of environments of this machine: the one way in which agent and commands judge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from envguard.domain.binding import Bound, Conflict, Machine, Unbound, bind, selectors_of
from envguard.domain.drift import compare
from envguard.domain.environment import Environment, EnvironmentRecord
from envguard.domain.facts import MachineFacts
from envguard.domain.finding import Finding, ranked
from envguard.domain.lock import Lock
from envguard.domain.lock_findings import compare_lock
from envguard.domain.modified_findings import modified_findings
from envguard.domain.own_tool import with_own_tool
from envguard.domain.policy import KnownPolicy, LockedPolicy, UnusablePolicy
from envguard.domain.verdict import (
    Moved,
    PolicyRef,
    Verdict,
    judge,
    judge_lock,
    undecided,
    unmanaged,
)


class Policies(msgspec.Struct, frozen=True):
    """What can judge the environments of this machine."""

    named: Mapping[str, KnownPolicy]
    """Those of the server, by name."""
    of_projects: Mapping[str, LockedPolicy] = {}
    """Those that projects brought as files, by the project's folder."""

    def behind(self, binding: Bound, record: EnvironmentRecord) -> KnownPolicy | None:
        """Answer the policy that a binding means: the server's of that name, else the project's own file."""
        held = self.named.get(binding.policy)
        if held is None and binding.source == "marker" and record.project is not None:
            return self.of_projects.get(record.project.path)
        return held


def judge_environment(
    environment: Environment,
    facts: MachineFacts,
    governing: LockedPolicy,
    *,
    machine: str,
    now: datetime,
    moved: Moved | None = None,
    here: Iterable[Finding] = (),
) -> Verdict:
    """Answer the verdict of one policy on one environment; ``now`` is aware UTC.

    ``here`` are findings about runs from one place, which no comparison knows.
    """
    broken = broken_marker(environment)
    if broken is not None:
        return undecided(environment.record, reference(governing), broken)
    policy = governing.policy
    compared = compare(environment.snapshot, facts, policy.rules, governing.lock)
    found = with_own_tool(compared, governing, environment.record)
    modified = modified_findings(environment.record, environment.snapshot, policy.rules.integrity)
    return judge(
        ranked([*found, *modified, *here]),
        environment.record,
        policy.waivers,
        now,
        machine=machine,
        policy=reference(governing),
        places=policy.places,
        moved=moved,
    )


def judge_lock_file(
    path: str, lock: Lock, governing: LockedPolicy, *, machine: str, now: datetime
) -> Verdict:
    """Answer the verdict of one policy on a lock that nobody installed."""
    policy = governing.policy
    return judge_lock(
        compare_lock(lock, policy.rules, governing.lock),
        path,
        policy.waivers,
        now,
        machine=machine,
        policy=reference(governing),
        places=policy.places,
    )


def judge_bound(
    environments: Iterable[Environment],
    facts: MachineFacts,
    machine: Machine,
    policies: Policies,
    now: datetime,
) -> tuple[Verdict, ...]:
    """Answer the verdict on each environment by the policy that its binding names."""
    selectors = selectors_of(policies.named)
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
            governing = policies.behind(binding, record)
            verdicts.append(_by_binding(environment, facts, binding, governing, machine.name, now))
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


def unusable_reason(policy: UnusablePolicy) -> str:
    """Answer the sentence about a policy that this version cannot read."""
    return f"policy `{policy.name}` r{policy.revision} cannot be read by this envguard: {policy.reason}"


def broken_marker(environment: Environment) -> str | None:
    """Answer what is wrong with the project's marker, which the snapshot does not tell; None if nothing."""
    known = {(problem.kind, problem.package) for problem in environment.snapshot.problems}
    for detail in environment.record.details:
        if detail.package is None and (detail.kind, detail.package) not in known:
            return detail.detail
    return None


def _by_binding(
    environment: Environment,
    facts: MachineFacts,
    binding: Bound,
    governing: KnownPolicy | None,
    machine: str,
    now: datetime,
) -> Verdict:
    match governing:
        case LockedPolicy():
            return judge_environment(environment, facts, governing, machine=machine, now=now)
        case UnusablePolicy():
            ref = PolicyRef(name=governing.name, revision=governing.revision)
            return undecided(environment.record, ref, unusable_reason(governing))
        case None:
            reason = f"policy `{binding.policy}` ({binding.source}) is not known here"
            return undecided(environment.record, None, reason)
