"""What the server is told of runs, and what it tells of them.

Rules
1. A run is told at its start and at its end, or once, where it was refused; each message has all that is
   known then. One with an end is never replaced by one without.
2. What an environment contains is told by its digest; the reply names the snapshots that the server lacks.
3. Who sends a run made its ``key``: whoever knows it may say more of the same run. It is told to nobody else.
4. What is long is cut here, so that the server refuses nothing that an envguard sends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from envguard.domain.environment import Digest, digest_of, is_digest
from envguard.domain.receipt import Handed, HandedKind, Parameter, Receipt, RequiredFinding
from envguard.domain.verdict import JudgedFinding, Outcome

RUN_LIMIT_BYTES = 1024 * 1024
"""No message about a run is larger, also where every character is one that JSON escapes."""

NAME_CHARACTERS = 200
TEXT_CHARACTERS = 1000
VALUE_CHARACTERS = 500
PATH_CHARACTERS = 4096
COMMAND_CHARACTERS = 8000
"""Of all words together."""
EXIT_CODE_AT_MOST = 255
COUNT = 100
"""So many findings, and so many parameters."""

_CUT = "..."

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""Aware."""


class ToldPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """By which policy an environment was judged before a run."""

    name: str
    revision: int | None = None
    lock: int | None = None
    """The lock's revision."""
    digest: Digest | None = None


class ToldFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A way in which the environment of a run differed from its policy."""

    kind: str
    package: str | None
    severity: str
    expected: str | None
    actual: str | None
    is_waived: bool


class ToldRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run as its receipt has it, with digests for what is large."""

    kind: HandedKind
    id: str
    receipt: str
    """The folder of its receipt, on its machine; empty where there is none."""
    command: tuple[str, ...]
    folder: str
    start: Moment
    """By the machine's own clock."""
    end: Moment | None = None
    exit_code: int | None = None
    replaced: bool = False
    """It took the place of envguard, which cannot see its end."""
    allow_drift: str | None = None
    """The reason for which it was started in spite of a verdict."""
    undecided: str | None = None
    """Why there is no verdict."""
    environment: str | None = None
    python: str | None = None
    digest: Digest | None = None
    """Of the environment at the start."""
    digest_at_end: Digest | None = None
    facts: Digest | None = None
    verdict: Outcome | None = None
    policy: ToldPolicy | None = None
    findings: tuple[ToldFinding, ...] = ()
    findings_left_out: int = 0
    commit: str | None = None
    dirty: bool | None = None
    parameters: Mapping[str, Parameter] = {}

    @property
    def ran_in(self) -> Digest | None:
        """The environment that it ran in; None also where it was refused: nothing ran there."""
        return self.digest if self.kind != "refused" else None

    @property
    def is_changed(self) -> bool:
        """Whether the environment changed while the command ran."""
        return self.digest_at_end is not None and self.digest_at_end != self.digest

    @property
    def is_anyway(self) -> bool:
        """Whether somebody started it in spite of what was, or could not be, found."""
        is_found_good = self.verdict in ("compliant", "unmanaged")
        return self.kind in ("run", "required") and self.allow_drift is not None and not is_found_good


class RunMessage(msgspec.Struct, frozen=True, kw_only=True):
    """``POST receipts``: a run, or more of one that is known already."""

    key: str
    person: str
    machine: str
    is_of_sender: bool
    """It was on the machine whose secret the request carries."""
    run: ToldRun


class RunReply(msgspec.Struct, frozen=True):
    """The snapshots to ``PUT snapshots/{digest}`` next."""

    missing: tuple[Digest, ...]


class RunEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A run that the server knows of."""

    number: int
    """The server's."""
    person: str
    machine: str
    told_by: Literal["machine", "person"]
    """Of a machine that is ``machine``, or somebody's token: then who and where are that one's words."""
    received_at: Moment
    """When the server first heard of it."""
    run: ToldRun


class Runs(msgspec.Struct, frozen=True, kw_only=True):
    """``GET receipts``: the newest first."""

    runs: tuple[RunEntry, ...]
    next: str | None
    """What ``?before=`` takes to go on; None at the end."""


def message_of(handed: Handed, *, is_of_sender: bool) -> RunMessage:
    """Answer what the server is told of a receipt."""
    return RunMessage(
        key=handed.receipt.key,
        person=_name(handed.person),
        machine=_name(handed.machine),
        is_of_sender=is_of_sender,
        run=_told(handed),
    )


def faults_of(run: ToldRun) -> Iterator[str]:
    """Yield the fields of a run that hold what no envguard sends."""
    names = (("id", run.id), ("commit", run.commit), ("policy.name", run.policy.name if run.policy else None))
    yield from (name for name, text in names if text is not None and text != _name(text))
    paths = (("receipt", run.receipt), ("folder", run.folder))
    more = (("environment", run.environment), ("python", run.python))
    yield from (name for name, text in (*paths, *more) if text is not None and len(text) > PATH_CHARACTERS)
    texts = (("allow_drift", run.allow_drift), ("undecided", run.undecided))
    yield from (name for name, text in texts if text is not None and len(text) > TEXT_CHARACTERS)
    if sum(map(len, run.command)) > COMMAND_CHARACTERS or len(run.command) > COMMAND_CHARACTERS:
        yield "command"
    if run.exit_code is not None and not 0 <= run.exit_code <= EXIT_CODE_AT_MOST:
        yield "exit_code"
    if len(run.findings) > COUNT:
        yield "findings"
    if len(run.parameters) > COUNT:
        yield "parameters"
    digests = (("digest", run.digest), ("digest_at_end", run.digest_at_end), ("facts", run.facts))
    yield from (name for name, digest in digests if digest is not None and not is_digest(digest))


def _told(handed: Handed) -> ToldRun:
    told = _of_receipt(handed)
    required = handed.required
    if required is None or handed.receipt.judgement is not None:
        return told
    name, revision = required.policy, required.revision
    return msgspec.structs.replace(
        told,
        environment=_cut(required.environment, PATH_CHARACTERS),
        digest=required.digest if required.digest and is_digest(required.digest) else None,
        verdict=required.verdict,
        policy=ToldPolicy(name=_name(name), revision=revision) if name else None,
        findings=tuple(map(_finding, required.findings[:COUNT])),
        findings_left_out=max(len(required.findings) - COUNT, 0),
    )


def _of_receipt(handed: Handed) -> ToldRun:
    receipt = handed.receipt
    judgement, verdict = receipt.judgement, receipt.verdict
    findings = sorted(verdict.findings, key=lambda each: not each.counts) if verdict is not None else []
    return ToldRun(
        kind=handed.kind,
        id=_name(receipt.id),
        receipt=_cut(handed.place, PATH_CHARACTERS),
        command=_command(receipt.command),
        folder=_cut(receipt.folder, PATH_CHARACTERS),
        start=receipt.start,
        end=receipt.end,
        exit_code=receipt.exit_code,
        replaced=receipt.replaced,
        allow_drift=_text(receipt.allow_drift),
        undecided=_text(receipt.undecided),
        environment=_cut(verdict.environment, PATH_CHARACTERS) if verdict is not None else None,
        python=_cut(judgement.python, PATH_CHARACTERS) if judgement is not None else None,
        digest=receipt.digest,
        digest_at_end=receipt.digest_at_end,
        facts=digest_of(judgement.facts) if judgement is not None else None,
        verdict=verdict.verdict if verdict is not None else None,
        policy=_policy(receipt),
        findings=tuple(map(_finding, findings[:COUNT])),
        findings_left_out=max(len(findings) - COUNT, 0),
        commit=_name(receipt.commit) if receipt.commit is not None else None,
        dirty=receipt.dirty,
        parameters={
            _name(name): _cut(value, VALUE_CHARACTERS) if isinstance(value, str) else value
            for name, value in list(receipt.parameters.items())[:COUNT]
        },
    )


def _policy(receipt: Receipt) -> ToldPolicy | None:
    policy = receipt.verdict.policy if receipt.verdict is not None else None
    if policy is None:
        return None
    return ToldPolicy(
        name=_name(policy.name), revision=policy.revision, lock=policy.lock, digest=policy.digest
    )


def _finding(finding: JudgedFinding | RequiredFinding) -> ToldFinding:
    is_waived = finding.is_waived if isinstance(finding, RequiredFinding) else finding.waived is not None
    return ToldFinding(
        kind=_cut(finding.kind, NAME_CHARACTERS),
        package=_short(finding.package),
        severity=_cut(finding.severity, NAME_CHARACTERS),
        expected=_short(finding.expected),
        actual=_short(finding.actual),
        is_waived=is_waived,
    )


def _command(words: tuple[str, ...]) -> tuple[str, ...]:
    kept: list[str] = []
    left = COMMAND_CHARACTERS - len(_CUT)
    for word in words:
        if len(word) + 1 > left:
            return (*kept, word[:left] + _CUT)
        kept.append(word)
        left -= len(word) + 1
    return tuple(kept)


def _name(text: str) -> str:
    """A name as the server takes it: short, and of characters that show."""
    plain = "".join(char if char.isprintable() else "?" for char in text).strip()
    return _cut(plain, NAME_CHARACTERS)


def _text(text: str | None) -> str | None:
    return None if text is None else _cut(text, TEXT_CHARACTERS)


def _short(text: str | None) -> str | None:
    return None if text is None else _cut(text, NAME_CHARACTERS)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - len(_CUT)] + _CUT
