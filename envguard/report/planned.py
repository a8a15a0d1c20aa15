"""What a push would do, as text and as JSON; the rules of ``report.documents`` bind."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from envguard.domain.policy_difference import PolicyChange, PolicyDifference
from envguard.report.causes import label_of
from envguard.report.policy_changes import LockedChange, policy_diff_document, policy_diff_lines
from envguard.report.printable import printable
from envguard.wire import PlannedChange, PlannedEnvironment, PlanReply

_WORDS: dict[PlannedChange, str] = {
    "drifts": "would drift",
    "drifts-more": "drift, and would drift from more",
    "unknown": "could not be decided any more",
    "drifts-less": "drift, and would drift from less",
    "compliant": "would become compliant",
    "governed": "would be governed, and are compliant",
    "released": "would be judged by no policy any more",
}
_WORSE: tuple[PlannedChange, ...] = ("drifts", "drifts-more")


class PlanDocument(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/plan/1"):
    """``policy plan --json``: what pushing these files would do."""

    name: str
    revision: int | None
    """The newest that the server has; null: it has no policy of this name."""
    is_new: bool
    """A push would make a revision."""
    changes: tuple[PolicyChange, ...] | None
    """In what the policy differs from the newest revision; null where there is none that can be read."""
    lock: tuple[LockedChange, ...] | None
    """In what the locks differ."""
    governs: int
    counts: dict[PlannedChange, int]
    environments: tuple[PlannedEnvironment, ...]
    """Those of which the verdict would change, the worst first; of very many only the first."""
    unchanged: int
    not_judged: int
    """Those that it would govern and that were too many to be compared."""


def plan_exit_code(reply: PlanReply) -> int:
    """Answer 1 where some environment would drift that does not, or from more; 3 where that is not known."""
    if any(reply.counts.get(change) for change in _WORSE):
        return 1
    return 3 if reply.counts.get("unknown") or reply.not_judged else 0


def plan_document(file: str, reply: PlanReply) -> PlanDocument:
    """Answer the JSON of a plan; ``file`` is what would be pushed."""
    differs = policy_diff_document(_given(reply), file, reply.difference) if reply.difference else None
    return PlanDocument(
        name=reply.name,
        revision=reply.revision,
        is_new=reply.is_new,
        changes=differs.changes if differs is not None else None,
        lock=differs.lock if differs is not None else None,
        governs=reply.governs,
        counts=reply.counts,
        environments=reply.environments,
        unchanged=reply.unchanged,
        not_judged=reply.not_judged,
    )


def plan_lines(file: str, reply: PlanReply) -> Iterator[str]:
    """Yield the lines of a plan: the policy, then every environment that would change, then the rest."""
    yield from _policy_lines(file, reply)
    for change, count in reply.counts.items():
        yield ""
        yield f"{_WORDS[change]}: {count}"
        named = [each for each in reply.environments if each.change == change]
        for each in named:
            yield from _environment_lines(each)
        if len(named) < count:
            yield f"  and {count - len(named)} more"
    yield ""
    yield f"unchanged: {reply.unchanged} of the {_counted(reply)}"
    if reply.not_judged:
        yield f"not compared: {reply.not_judged} more, which would take too long"
    if not reply.governs and not reply.not_judged:
        yield f"it would govern no environment; `envguard policy push {file}` says how to bind some"


def _policy_lines(file: str, reply: PlanReply) -> Iterator[str]:
    if reply.revision is None:
        yield f"{reply.name} would be new: r1"
    elif not reply.is_new:
        yield f"{reply.name} r{reply.revision} is these very files: a push would change nothing"
    else:
        yield f"{reply.name} would become r{reply.revision + 1}"
        yield from _difference_lines(file, reply, reply.difference)


def _difference_lines(file: str, reply: PlanReply, difference: PolicyDifference | None) -> Iterator[str]:
    if difference is None:
        yield f"what changes is not known: the server cannot read r{reply.revision}"
    elif difference.is_empty:
        yield "what it says stays the same: only its text differs"
    else:
        yield from policy_diff_lines(_given(reply), file, difference)


def _environment_lines(each: PlannedEnvironment) -> Iterator[str]:
    machines = ", ".join((each.machine, *each.also_on))
    notes = [f"{each.before} today"] if each.change in ("drifts", "unknown") else []
    notes += ["its machine is silent"] if each.is_silent else []
    noted = f"  ({'; '.join(notes)})" if notes else ""
    yield f"  {printable(machines)}  {printable(each.path)}{noted}"
    if each.after in ("drifted", "unknown"):
        told = list(map(label_of, each.findings)) or [each.reason or ""]
        yield from (f"    {printable(line)}" for line in told)


def _given(reply: PlanReply) -> str:
    return f"{reply.name}@r{reply.revision}"


def _counted(reply: PlanReply) -> str:
    changed = sum(reply.counts.values())
    total = changed + reply.unchanged
    return "1 environment that it concerns" if total == 1 else f"{total} environments that it concerns"
