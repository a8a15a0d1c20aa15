"""The JSON of verdicts and of the smaller commands; the rules of ``report.documents`` bind here too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from envguard.domain.policy import LockedPolicy, PolicySource
from envguard.domain.verdict import Verdict
from envguard.errors import PolicyError
from envguard.report.documents import Time
from envguard.report.places import whereabouts
from envguard.report.printable import encodable
from envguard.wire import GovernedEnvironment, PolicyRevision, PushReply, RevisionRow


class VerdictsDocument(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/verdicts/1"
):
    """``check --all --json``: a verdict on each environment."""

    verdicts: tuple[Verdict, ...]
    incomplete: bool
    """The look was cut off before its end: there may be more environments."""


class LintProblem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong with a policy, with a file that it extends, or with its lock."""

    file: str | None
    """As the command line leads to it."""
    line: int | None
    """From 1; null where the file says no line."""
    column: int | None
    key: str | None
    """The path of the key, such as ``packages.gym``."""
    what: str
    hint: str | None


class LintDocument(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/lint/1"):
    """``policy lint --json``: the policies that can be used, and everything wrong with the others."""

    policies: tuple[str, ...]
    """The names of those that have no problem."""
    problems: tuple[LintProblem, ...] = ()
    warnings: tuple[LintProblem, ...] = ()
    """What changes no exit code: waivers that have ended."""


class PolicyDocument(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/policy/1"):
    """``policy show --json``: one policy as it was written."""

    revision: int | None
    """None for a file that no server numbered."""
    text: str
    files: PolicySource
    resolved: str | None = None
    """With ``--resolved``: the policy with what it extends laid under it."""


class PolicyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A policy's newest revision."""

    name: str
    revision: int
    pushed_at: Time


class PoliciesDocument(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/policies/1"
):
    """``policy list --json``: what the server holds."""

    policies: tuple[PolicyRow, ...]


class RevisionPart(msgspec.Struct, frozen=True, kw_only=True):
    """One revision of a policy."""

    revision: int
    lock: int | None
    """The lock's revision."""
    digest: str
    """Of the files as they were pushed."""
    pushed_at: Time
    pushed_by: str | None
    """Null where the server did not keep it yet."""


class LogDocument(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/log/1"):
    """``policy log --json``: all revisions of a policy, the newest first."""

    name: str
    revisions: tuple[RevisionPart, ...]


class PushDocument(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/push/1"):
    """``policy push --json``: the revision that the push made, or the one that was there already."""

    name: str
    revision: int
    is_new: bool
    governs: tuple[GovernedEnvironment, ...]
    holders: tuple[GovernedEnvironment, ...]
    """Where it governs none: the environments that hold its packages."""


class ServerDocument(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/server/1"):
    """``server --json``: its first line, once it listens."""

    url: str
    join: str
    """A fresh join string."""
    admin_token_file: str
    tls: Literal["off", "own", "given"]
    """Whose certificate the server shows: one of its own making, one of somebody else's, or none."""
    ca_fingerprint: str | None
    """Of the certificate that machines pin, as the join string has it; null where they trust who signed."""
    ca_file: str | None
    """That certificate, for ENVGUARD_CA."""


class TokenDocument(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/token/1"):
    """``token new --json``."""

    join: str


class VersionDocument(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/version/1"
):
    """``version --json``: which envguard, on which Python."""

    version: str
    python: str


def verdicts_document(verdicts: Sequence[Verdict], *, is_incomplete: bool) -> VerdictsDocument:
    """Answer the verdicts on several environments."""
    return VerdictsDocument(verdicts=tuple(verdicts), incomplete=is_incomplete)


def lint_document(
    policies: Sequence[LockedPolicy],
    problems: Sequence[PolicyError] = (),
    warnings: Sequence[PolicyError] = (),
) -> LintDocument:
    """Answer what was linted."""
    return LintDocument(
        policies=tuple(each.policy.name for each in policies),
        problems=tuple(map(_lint_problem, problems)),
        warnings=tuple(map(_lint_problem, warnings)),
    )


def policy_document(
    source: PolicySource, revision: int | None, resolved: str | None = None
) -> PolicyDocument:
    """Answer one policy."""
    return PolicyDocument(revision=revision, text=source.text, files=source, resolved=resolved)


def log_document(name: str, revisions: Sequence[RevisionRow]) -> LogDocument:
    """Answer a policy's history."""
    return LogDocument(
        name=name,
        revisions=tuple(
            RevisionPart(
                revision=each.revision,
                lock=each.lock_revision,
                digest=each.digest,
                pushed_at=each.pushed_at,
                pushed_by=each.pushed_by,
            )
            for each in revisions
        ),
    )


def policies_document(policies: Sequence[PolicyRevision]) -> PoliciesDocument:
    """Answer the list of policies, without their files."""
    return PoliciesDocument(
        policies=tuple(
            PolicyRow(name=each.name, revision=each.revision, pushed_at=each.pushed_at) for each in policies
        )
    )


def push_document(reply: PushReply) -> PushDocument:
    """Answer what the server said to a push."""
    return PushDocument(
        name=reply.name,
        revision=reply.revision,
        is_new=reply.is_new,
        governs=reply.governs,
        holders=reply.holders,
    )


def _lint_problem(problem: PolicyError) -> LintProblem:
    place = whereabouts(encodable(problem.where or ""))
    return LintProblem(
        file=place.file or None,
        line=place.line,
        column=place.column,
        key=place.key,
        what=encodable(problem.what),
        hint=None if problem.hint is None else encodable(problem.hint),
    )
