"""Runs as they are told of."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import msgspec

from envguard.domain.environment import Snapshot, digest_of
from envguard.domain.facts import MachineFacts
from envguard.domain.policy import Severity
from envguard.domain.receipt import Handed, HandedKind, Judgement, Receipt
from envguard.domain.verdict import JudgedFinding, Outcome, PolicyRef, Verdict

AT = datetime(2026, 9, 21, 12, 0, tzinfo=timezone.utc)
KEY = "0123456789abcdef" * 2


def a_key(number: int) -> str:
    return f"{number:032x}"


def a_finding(package: str = "gym", severity: Severity = "error") -> JudgedFinding:
    return JudgedFinding(
        kind="version-mismatch",
        package=package,
        severity=severity,
        expected="==0.26.2",
        actual="0.25.2",
        reason=None,
        place=None,
        fix=None,
    )


def a_receipt(snapshot: Snapshot, verdict: Outcome = "compliant", **fields: Any) -> Receipt:
    findings = (a_finding(),) if verdict == "drifted" else ()
    policy = PolicyRef(name="rl-team", revision=3)
    receipt = Receipt(
        id="2026-09-21T120000.000-ab12",
        command=("python", "train.py"),
        folder="/home/ann/rl",
        environment_from="named",
        start=AT,
        judgement=Judgement(
            python="/home/ann/rl/.venv/bin/python",
            kind="venv",
            verdict=Verdict(
                environment="/home/ann/rl/.venv",
                digest=digest_of(snapshot),
                verdict=verdict,
                policy=policy,
                findings=findings,
            ),
            before_run="refuse",
            is_own_lock=False,
            machine="ws-7",
            facts=MachineFacts(os="Debian GNU/Linux 12", kernel="6.1.0"),
            snapshot=snapshot,
            has_pylock=False,
            not_locked=(),
        ),
        key=KEY,
    )
    return msgspec.structs.replace(receipt, **fields)


def handed(receipt: Receipt, kind: HandedKind = "run", *, person: str = "ann", host: str = "here") -> Handed:
    place = "/home/ann/rl/.envguard/runs/x"
    return Handed(kind=kind, person=person, machine="ws-7", host=host, place=place, receipt=receipt)
