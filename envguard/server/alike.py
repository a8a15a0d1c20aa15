"""Which environments no judgement can tell apart, and the one verdict on all of them as it is kept. Pure.

Rules
1. Two environments are alike if all that judging reads of them is equal: content, facts of the machine, what
   binds them, what they last matched, and of their records the words of problems, files that changed, and
   the project's own name. Where they lie is not read.
2. A waiver that names a machine or an environment sets apart whom it is for; another does not.
3. What differs between those that are alike is put in where a verdict is read: the path, and the commands.
4. A layout is all besides the records that decides who is alike: selectors, and waivers of policies' files
   that name a machine or an environment. While it stays, a new revision moves no environment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from envguard.domain.binding import Binding, Bound, Conflict, Source, Unbound, selectors_of
from envguard.domain.environment import Digest, EnvironmentRecord, digest_of_text
from envguard.domain.policy import KnownPolicy, LockedPolicy, Waiver
from envguard.domain.remedy import command_for
from envguard.domain.verdict import Basis, JudgedFinding, Verdict, undecided
from envguard.domain.waiver import is_for
from envguard.server.store.machines import KnownEnvironment, KnownMachine
from envguard.server.team import Judged

JUDGING = 1
"""The version of judging, and of what is kept of it: what another version kept is judged anew."""

NOT_YET = "not judged yet"


class Kept(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A verdict on all that are alike, and what bound them; the path and the commands are left out."""

    verdict: Verdict
    policies: tuple[str, ...] = ()
    """None: unbound; several: all of them would judge."""
    source: Source = "applies-to"
    basis: Basis | None = None

    @property
    def policy(self) -> str | None:
        """The one policy that judges."""
        return self.policies[0] if len(self.policies) == 1 else None


def key_of(
    machine: KnownMachine,
    environment: KnownEnvironment,
    binding: Binding,
    governing: KnownPolicy | None,
    matched: Basis | None,
) -> Digest:
    """Answer what is equal of environments that are alike; ``governing`` is the policy that is bound."""
    record = environment.record
    integrity = record.integrity
    modified = integrity.modified if integrity is not None else ()
    read = (
        record.digest,
        machine.facts,
        type(binding).__name__,
        binding,
        matched,
        record.use is None,
        record.details,
        record.project.name if record.project is not None else None,
        [(name, integrity.files.get(name, ())) for name in modified] if integrity is not None else (),
        singling_out(machine, record, governing),
    )
    return digest_of_text(msgspec.json.encode(read))


def singling_out(
    machine: KnownMachine, record: EnvironmentRecord, governing: KnownPolicy | None
) -> tuple[Waiver, ...]:
    """Answer the waivers that are for this environment and not for all that its policy judges."""
    if not isinstance(governing, LockedPolicy):
        return ()
    return tuple(
        each
        for each in governing.waivers
        if is_narrow(each) and each.machine in (None, machine.name) and is_for(each, record)
    )


def is_narrow(waiver: Waiver) -> bool:
    """Whether a waiver is not for all environments that its policy judges."""
    return waiver.machine is not None or waiver.environment is not None


def layout_of(policies: Mapping[str, KnownPolicy]) -> Digest:
    """Answer the digest of all by which policies decide which environments are alike."""
    selectors = selectors_of(policies)
    told = [
        (name, selectors.get(name, ()), _narrow_in_file(known))
        for name, known in sorted(policies.items())
        if selectors.get(name) or _narrow_in_file(known)
    ]
    return digest_of_text(msgspec.json.encode(told))


def kept_of(judged: Judged) -> Kept:
    """Answer what is kept of a judgement of one of those that are alike."""
    findings = tuple(msgspec.structs.replace(each, fix=None) for each in judged.verdict.findings)
    verdict = msgspec.structs.replace(
        judged.verdict, environment="", path_bytes=None, digest=None, findings=findings
    )
    match judged.binding:
        case Bound(policy, source):
            return Kept(verdict=verdict, policies=(policy,), source=source, basis=judged.basis)
        case Conflict(policies, source):
            return Kept(verdict=verdict, policies=policies, source=source, basis=judged.basis)
        case Unbound():
            return Kept(verdict=verdict, basis=judged.basis)


def judged_of(kept: Kept, record: EnvironmentRecord) -> Judged:
    """Answer the judgement of one environment, by what is kept of all that are alike."""
    verdict = msgspec.structs.replace(
        kept.verdict,
        environment=record.path,
        path_bytes=record.path_bytes,
        digest=record.digest,
        findings=_in_place(kept.verdict.findings, record),
    )
    return Judged(verdict, _binding(kept), kept.basis)


def not_judged(record: EnvironmentRecord) -> Judged:
    """Answer what is said of an environment while no verdict on it is there: it is never compliant."""
    return Judged(undecided(record, None, NOT_YET), Unbound())


def over(kept: Kept, record: EnvironmentRecord, ended_at: datetime) -> Judged:
    """Answer what is said once a permission has ended on which a verdict rests, until it is judged anew."""
    reason = f"is judged anew: what its verdict rests on ended at {ended_at:%Y-%m-%d %H:%M} UTC"
    return Judged(undecided(record, kept.verdict.policy, reason), _binding(kept))


def matched_after(matched: Basis | None, judged: Judged) -> Basis | None:
    """Answer what an environment last matched, once it was judged."""
    is_match = judged.verdict.verdict == "compliant" and judged.basis is not None
    return judged.basis if is_match else matched


def _binding(kept: Kept) -> Binding:
    if not kept.policies:
        return Unbound()
    if kept.policy is not None:
        return Bound(kept.policy, kept.source)
    return Conflict(kept.policies, kept.source)


def _in_place(findings: Sequence[JudgedFinding], record: EnvironmentRecord) -> tuple[JudgedFinding, ...]:
    return tuple(
        each if each.remedy is None else msgspec.structs.replace(each, fix=command_for([each.remedy], record))
        for each in findings
    )


def _narrow_in_file(known: KnownPolicy) -> tuple[Waiver, ...]:
    if not isinstance(known, LockedPolicy):
        return ()
    return tuple(filter(is_narrow, known.policy.waivers))
