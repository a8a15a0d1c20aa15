"""Which lock judges while a newer one waits."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envguard.domain.drift import compare
from envguard.domain.environment import Digest, Snapshot
from envguard.domain.grace import HasVerdict, judge_in_grace
from envguard.domain.locks.lock import Lock
from envguard.domain.policy import EarlierLock, LockedPolicy, Require
from envguard.domain.verdict import Pending, PolicyRef, judge
from tests.builders.documents import FACTS, a_lock, a_policy, a_record, a_snapshot

NOW = datetime(2026, 11, 30, 3, 0, tzinfo=timezone.utc)
LATER = NOW + timedelta(days=2)
NEWEST = a_lock(gym="0.27.0", numpy="2.0.0", torch="2.5.0")
BEFORE = a_lock(gym="0.26.2", numpy="1.26.4", torch="2.4.1")
LONG_BEFORE = a_lock(gym="0.25.2", numpy="1.26.4", torch="2.4.0")


class Judged(HasVerdict, frozen=True):
    lock: Lock | None


def in_grace(
    there: Snapshot,
    *,
    earlier: tuple[tuple[Lock, int, datetime], ...] = ((BEFORE, 41, LATER),),
    rule: Require | None = None,
    newest: Lock = NEWEST,
) -> Judged:
    policy = LockedPolicy(
        policy=a_policy(*([rule] if rule else [])),
        lock=newest,
        lock_revision=42,
        earlier=tuple(
            EarlierLock(lock=lock, revision=number, until=until) for lock, number, until in earlier
        ),
    )

    def judge_by(by: LockedPolicy) -> Judged:
        findings = compare(there, FACTS, by.policy.rules, by.lock)
        ref = PolicyRef(name="rl-team", lock=by.lock_revision)
        verdict = judge(findings, a_record(), (), NOW, machine="ws-7", policy=ref, places={})
        return Judged(verdict, by.lock)

    return judge_in_grace(policy, NOW, judge_by)


def told(judged: Judged) -> tuple[str, int | None, Pending | None]:
    verdict = judged.verdict
    return verdict.verdict, verdict.policy.lock if verdict.policy else None, verdict.pending


def test_what_is_as_the_lock_before_wants_waits_and_is_no_alarm() -> None:
    judged = in_grace(a_snapshot(gym="0.26.2", numpy="1.26.4", torch="2.4.1"))
    assert told(judged) == ("compliant", 41, Pending(lock=42, until=LATER))
    assert judged.lock == BEFORE


def test_what_was_upgraded_is_judged_by_the_newest() -> None:
    assert told(in_grace(a_snapshot(gym="0.27.0", numpy="2.0.0", torch="2.5.0"))) == ("compliant", 42, None)


def test_grace_ends_at_its_end() -> None:
    there = a_snapshot(gym="0.26.2", numpy="1.26.4", torch="2.4.1")
    assert told(in_grace(there, earlier=((BEFORE, 41, NOW),))) == ("drifted", 42, None)
    just = NOW + timedelta(microseconds=1)
    assert told(in_grace(there, earlier=((BEFORE, 41, just),)))[0] == "compliant"


def test_one_wrong_package_stays_the_one_finding_while_the_upgrade_waits() -> None:
    judged = in_grace(a_snapshot(gym="0.26.0", numpy="1.26.4", torch="2.4.1"))
    assert told(judged) == ("drifted", 41, Pending(lock=42, until=LATER))
    assert [(each.package, each.expected) for each in judged.verdict.findings] == [("gym", "==0.26.2")]


def test_one_wrong_package_of_what_was_upgraded_is_told_by_the_newest() -> None:
    judged = in_grace(a_snapshot(gym="0.27.1", numpy="2.0.0", torch="2.5.0"))
    assert told(judged) == ("drifted", 42, None)


def test_what_differs_from_both_alike_is_told_by_the_newest() -> None:
    assert told(in_grace(a_snapshot(gym="0.1", numpy="0.1", torch="0.1"))) == ("drifted", 42, None)


@pytest.mark.parametrize(
    ("is_over", "lock"), [pytest.param(False, 40, id="not over"), pytest.param(True, 42, id="over")]
)
def test_each_earlier_lock_has_an_end_of_its_own(lock: int, *, is_over: bool) -> None:
    there = a_snapshot(gym="0.25.2", numpy="1.26.4", torch="2.4.0")
    sooner = NOW - timedelta(days=1) if is_over else NOW + timedelta(hours=1)
    judged = in_grace(there, earlier=((BEFORE, 41, NOW), (LONG_BEFORE, 40, sooner)))
    pending = None if is_over else Pending(lock=42, until=sooner)
    assert told(judged) == ("drifted" if is_over else "compliant", lock, pending)


def test_a_rule_counts_whichever_lock_judges() -> None:
    rule = Require(name="torch", specifier=">=2.5")
    judged = in_grace(a_snapshot(gym="0.26.2", numpy="1.26.4", torch="2.4.1"), rule=rule)
    assert told(judged) == ("drifted", 41, Pending(lock=42, until=LATER))
    assert [each.package for each in judged.verdict.findings] == ["torch"]


def test_what_the_newest_cannot_decide_no_other_decides() -> None:
    unclear = Lock(packages=(*NEWEST.packages, *a_lock(gym="0.27.1").packages), digest=Digest("sha256:2"))
    there = a_snapshot(gym="0.26.2", numpy="1.26.4", torch="2.4.1")
    assert told(in_grace(there, newest=unclear)) == ("unknown", 42, None)


versions = st.sampled_from(["0.25.2", "0.26.2", "0.27.0"])


@given(versions, versions, versions)
def test_grace_never_makes_more_of_a_difference(gym: str, numpy: str, torch: str) -> None:
    there = a_snapshot(gym=gym, numpy=numpy, torch=torch)
    with_grace, without = in_grace(there), in_grace(there, earlier=())
    counts = [sum(each.counts for each in judged.verdict.findings) for judged in (with_grace, without)]
    assert counts[0] <= counts[1]
    assert (with_grace.verdict.pending is not None) == (counts[0] < counts[1])
