"""What a policy says of environments of this machine: the one way in which agent and commands judge."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

import msgspec

from envguard.domain.binding import Bound, Conflict, Machine, Unbound, bind, selectors_of
from envguard.domain.environment import Environment, EnvironmentRecord, Project
from envguard.domain.facts import MachineFacts
from envguard.domain.findings.finding import Finding, ranked
from envguard.domain.findings.lock import compare_lock
from envguard.domain.findings.modified import modified_findings
from envguard.domain.grace import HasVerdict, judge_in_grace
from envguard.domain.locks.lock import Lock
from envguard.domain.own_tool import with_own_tool
from envguard.domain.policy import KnownPolicy, LockedPolicy, UnusablePolicy
from envguard.domain.verdict import (
    Basis,
    Match,
    PolicyRef,
    Verdict,
    judge,
    judge_lock,
    undecided,
    unmanaged,
    what_moved,
)
from envguard.runs.comparing import Comparisons


class Ruled(HasVerdict, frozen=True):
    """A verdict, and what the comparison behind it read."""

    basis: Basis | None = None
    """None where nothing was compared."""
    bound: Bound | None = None
    """Why it is this policy; None where a person named it, and where no single policy can judge."""
    governing: LockedPolicy | None = None
    """The policy itself, with the lock that judged; None where nothing was compared."""


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
    comparisons: Comparisons,
    match: Match | None = None,
    here: Iterable[Finding] = (),
    used_for: Collection[str] = (),
) -> Ruled:
    """Answer the verdict of one policy on one environment; ``now`` is aware UTC.

    ``match`` is what is remembered of it; None where nobody remembers. ``here`` are findings about runs from
    one place, which no comparison knows; ``used_for`` are projects that it is used for besides its own.
    """
    policy, told_here = governing.policy, tuple(here)
    modified = tuple(modified_findings(environment.record, environment.snapshot, policy.rules.integrity))

    def judge_by(lock: LockedPolicy) -> Ruled:
        compared = comparisons.of(environment, facts, lock)
        found = with_own_tool(compared.findings, lock, environment.record)
        verdict = judge(
            ranked([*found, *modified, *told_here]),
            environment.record,
            lock.waivers,
            now,
            machine=machine,
            policy=reference(lock),
            places=policy.places,
            moved=what_moved(match.basis, compared.basis) if match is not None else None,
            used_for=used_for,
        )
        if match is not None and verdict.verdict == "drifted":
            verdict = msgspec.structs.replace(verdict, since=match.drifted_at)
        return Ruled(verdict, compared.basis, governing=lock)

    return judge_in_grace(governing, now, judge_by)


def judge_lock_file(
    path: str, lock: Lock, governing: LockedPolicy, *, machine: str, now: datetime
) -> Verdict:
    """Answer the verdict of one policy on a lock that nobody installed."""
    policy = governing.policy
    return judge_lock(
        compare_lock(lock, policy.rules, governing.lock),
        path,
        governing.waivers,
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
    *,
    comparisons: Comparisons,
    matches: Mapping[str, Match],
) -> tuple[Ruled, ...]:
    """Answer the verdict on each environment by the policy that its binding names.

    ``matches`` is what is remembered of the environments, by their paths.
    """
    selectors = selectors_of(policies.named)
    ruled = []
    for environment in environments:
        record = environment.record
        broken = broken_marker(environment)
        binding = bind(record, machine, selectors)
        if broken is not None:
            ruled.append(Ruled(undecided(record, None, broken)))
        elif isinstance(binding, Conflict):
            ruled.append(Ruled(undecided(record, None, conflict_reason(binding))))
        elif isinstance(binding, Unbound):
            ruled.append(Ruled(unmanaged(record)))
        elif isinstance(governing := policies.behind(binding, record), LockedPolicy):
            found = judge_environment(
                environment,
                facts,
                governing,
                machine=machine.name,
                now=now,
                comparisons=comparisons,
                match=matches.get(record.path),
            )
            ruled.append(msgspec.structs.replace(found, bound=binding))
        else:
            ruled.append(Ruled(_unusable(record, binding, governing)))
    return tuple(ruled)


def reference(governing: LockedPolicy) -> PolicyRef:
    """Answer how verdicts name this policy."""
    return PolicyRef(
        name=governing.policy.name,
        revision=governing.revision,
        lock=governing.lock_revision,
        digest=governing.policy.digest,
        pulled_at=governing.pulled_at,
        before_run=governing.policy.before_run,
    )


def binding_words(binding: Bound, project: Project | None) -> str:
    """Answer why it is this policy, as verdicts say it."""
    if binding.source == "marker" and project is not None:
        return f"policy named in {project.marker_place}"
    return "bound by `envguard use`" if binding.source == "use" else "policy applies to it"


def conflict_reason(conflict: Conflict) -> str:
    """Answer the sentence about several policies from one source."""
    names = " and ".join(f"`{name}`" for name in conflict.policies)
    return f"{names} both apply ({conflict.source}); bind it with `envguard use`"


def unusable_reason(policy: UnusablePolicy) -> str:
    """Answer the sentence about a policy that this version cannot read."""
    return f"policy `{policy.name}` r{policy.revision} cannot be read by this envguard: {policy.reason}"


def broken_marker(environment: Environment) -> str | None:
    """Answer what is wrong with what would bind the environment, which the snapshot does not tell.

    None if nothing is, and where it does not matter: ``envguard use`` goes before the project's marker.
    """
    if environment.record.use is not None:
        return None
    known = {(problem.kind, problem.package) for problem in environment.snapshot.problems}
    for detail in environment.record.details:
        if detail.package is None and (detail.kind, detail.package) not in known:
            return detail.detail
    return None


def _unusable(record: EnvironmentRecord, binding: Bound, policy: UnusablePolicy | None) -> Verdict:
    if policy is None:
        reason = f"policy `{binding.policy}` ({binding.source}) is not known here"
        return undecided(record, None, reason)
    ref = PolicyRef(name=policy.name, revision=policy.revision)
    return undecided(record, ref, unusable_reason(policy))
