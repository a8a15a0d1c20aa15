"""Which machines there are, which wait to be let in, and which were taken out."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

AdmissionState = Literal["pending", "joined", "retired"]


class AdmittedMachine(msgspec.Struct, frozen=True, kw_only=True):
    """A machine as its server knows it."""

    name: str
    state: AdmissionState
    labels: dict[str, str] = {}
    seen_at: datetime | None = None
    """When it was last heard; null of one that waits."""
    since: datetime | None = None
    """Since when it waits, or is retired; null of one that joined."""
    version: str | None = None
    """Of its agent."""


class Machines(msgspec.Struct, frozen=True, tag_field="schema", tag="envguard/machines/1"):
    """``GET machines``: those that wait first, then by name."""

    machines: tuple[AdmittedMachine, ...]


class RetireRequest(msgspec.Struct, frozen=True, kw_only=True):
    """``POST machines/{name}/retire``."""

    is_lost: bool = False
    """Whoever has it now must get no further: what was made, used or kept there ends too."""


class MachineDone(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/machine-done/1"
):
    """What became of a machine, and what ended with it."""

    name: str
    state: AdmissionState
    tokens: tuple[str, ...] = ()
    """Ids of the tokens that ended."""
    sessions: int = 0
