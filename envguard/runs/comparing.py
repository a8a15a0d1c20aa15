"""Comparisons that were made already: kept by the digests of what they read, so each is made once.

A verdict is never kept: waivers, and the files of one place, are no part of a comparison.
"""

from __future__ import annotations

import msgspec

from envguard.domain.drift import ENGINE, compare
from envguard.domain.environment import Environment, digest_of
from envguard.domain.facts import MachineFacts
from envguard.domain.findings.finding import Finding
from envguard.domain.policy import LockedPolicy
from envguard.domain.verdict import Basis

_MOST_KEPT = 1_000
"""Ten times the environments of a machine, each under ten policies."""


class Compared(msgspec.Struct, frozen=True):
    """What a comparison read, and what it found."""

    basis: Basis
    findings: tuple[Finding, ...]


class Comparisons:
    """The comparisons of one process; the one that was asked for longest ago is forgotten first."""

    def __init__(self) -> None:
        """Begin with none."""
        self._found: dict[Basis, tuple[Finding, ...]] = {}

    def of(self, environment: Environment, facts: MachineFacts, governing: LockedPolicy) -> Compared:
        """Answer the comparison of an environment with a policy, made anew only where it has to be."""
        basis = basis_of(environment, facts, governing)
        findings = self._found.pop(basis, None)
        if findings is None:
            findings = compare(environment.snapshot, facts, governing.policy.rules, governing.lock)
        self._found[basis] = findings
        while len(self._found) > _MOST_KEPT:
            del self._found[next(iter(self._found))]
        return Compared(basis, findings)


def basis_of(environment: Environment, facts: MachineFacts, governing: LockedPolicy) -> Basis:
    """Answer the digests of all that a comparison reads."""
    return Basis(
        snapshot=environment.record.digest,
        facts=digest_of(facts),
        policy=governing.policy.digest,
        lock=governing.lock.digest if governing.lock is not None else None,
        engine=ENGINE,
    )
