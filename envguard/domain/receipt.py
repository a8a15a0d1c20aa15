"""What is written down of a run: what ran, in which environment, judged by what, from when until when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from envguard.domain.environment import Digest, Editable, EnvironmentKind, Snapshot
from envguard.domain.facts import MachineFacts
from envguard.domain.locks.lock import LeftOut
from envguard.domain.policy import BeforeRun
from envguard.domain.verdict import Outcome, Verdict

Parameter = str | int | float | bool | None
"""What a person says of a run, by a name of theirs."""


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """An environment at the start of a run, and the verdict on it."""

    python: str
    """The interpreter by which one would run it."""
    kind: EnvironmentKind
    verdict: Verdict
    """It names the environment's path, its digest, and the policy."""
    before_run: BeforeRun
    """What the policy wants where the environment drifted."""
    is_own_lock: bool
    """No policy applies: the project's own lock judged."""
    machine: str
    facts: MachineFacts
    snapshot: Snapshot
    has_pylock: bool
    """Whether a ``pylock.toml`` lies beside the receipt."""
    not_locked: tuple[LeftOut, ...]
    """What that lock cannot hold, and why."""
    editables: tuple[Editable, ...] = ()
    """Packages that are imported from somebody's folder, and which commit was checked out there."""


class Receipt(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/receipt/1"):
    """One run; written at its start, closed at its end."""

    id: str
    command: tuple[str, ...]
    """Values that look like secrets are masked. Empty: nothing was started, somebody stamped a folder."""
    folder: str
    """Where it was started."""
    environment_from: str
    """How its environment was found, in words."""
    start: datetime
    end: datetime | None = None
    """None while it runs; it stays so where it was killed with its supervisor, or replaced it."""
    exit_code: int | None = None
    """As shells have it: 128 and the signal's number where a signal ended it."""
    replaced: bool = False
    """It took the place of envguard, which cannot see its end."""
    allow_drift: str | None = None
    """The reason for which it was started in spite of a verdict."""
    judgement: Judgement | None
    undecided: str | None = None
    """Why there is no judgement."""
    digest_at_end: Digest | None = None
    """None where it is not known."""
    commit: str | None = None
    """What git has checked out in the folder."""
    dirty: bool | None = None
    """Whether that tree had changes at the start; None where it is not known."""
    parameters: Mapping[str, Parameter] = {}
    key: str = ""
    """Made at random, and told to the server alone: by it the end of a run finds its start. Empty: the server
    is not told of it."""

    @property
    def verdict(self) -> Verdict | None:
        """The environment's, at the start."""
        return self.judgement.verdict if self.judgement is not None else None

    @property
    def digest(self) -> Digest | None:
        """The environment's, at the start."""
        return self.verdict.digest if self.verdict is not None else None

    @property
    def is_changed(self) -> bool:
        """Whether the environment changed while the command ran."""
        return self.digest_at_end is not None and self.digest_at_end != self.digest

    @property
    def is_anyway(self) -> bool:
        """Whether somebody started it in spite of what was, or could not be, found."""
        found = self.verdict.verdict if self.verdict is not None else "unknown"
        return self.allow_drift is not None and found in ("drifted", "unknown")


_KEY_CHARACTERS = 32
_HEXADECIMAL = frozenset("0123456789abcdef")

HandedKind = Literal["run", "stamp", "refused", "required"]
"""What a receipt that is handed on is of. What was refused never started, or was stopped by ``require()``;
what was required is a script that asked by it and went on in spite of the answer."""


class RequiredFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A way in which the environment of a script that asked differed."""

    kind: str
    package: str | None
    severity: str
    expected: str | None
    actual: str | None
    is_waived: bool


class Required(msgspec.Struct, frozen=True, kw_only=True):
    """What a script heard that asked by ``require()``: all that its guard knows."""

    verdict: Outcome
    environment: str
    digest: Digest | None
    policy: str | None
    revision: int | None
    findings: tuple[RequiredFinding, ...]


class Handed(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt on its way to the server, as it waits on a machine."""

    kind: HandedKind
    person: str
    """Whose process it was; an agent puts the user in its place that the kernel tells."""
    machine: str
    host: str
    """What the machine calls itself: a home on several machines has one folder of what waits."""
    place: str
    """The receipt's folder; empty where there is none."""
    receipt: Receipt
    required: Required | None = None
    """In the place of the receipt's judgement, where the guard of a script judged."""


def is_run_key(text: str) -> bool:
    """Whether the text has the form of a receipt's key."""
    return len(text) == _KEY_CHARACTERS and _HEXADECIMAL.issuperset(text)
