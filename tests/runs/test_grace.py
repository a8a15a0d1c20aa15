"""A machine goes on judging by the lock before, also where its server is away, until grace ends."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from envguard.domain.binding import Machine
from envguard.domain.environment import Digest, Project
from envguard.domain.policy import EarlierSource, PolicySource
from envguard.domain.verdict import Pending, Verdict
from envguard.runs.comparing import Comparisons
from envguard.runs.held import kept_of, parse_kept
from envguard.runs.judging import Policies, judge_bound
from envguard.state import open_state
from envguard.wire import PolicyRevision
from tests.builders.documents import FACTS, a_snapshot, an_environment

NOW = datetime(2026, 11, 30, 3, 0, tzinfo=timezone.utc)
UNTIL = NOW + timedelta(days=7)
POLICY = "envguard: 1\nname: rl-team\nlock: r.txt\nupgrade: {requirements: [gym]}\n"


def a_source(lock: str) -> PolicySource:
    return PolicySource(filename="rl-team.yaml", text=POLICY, lock_filename="r.txt", lock_text=lock)


def judged(tmp_path: Path, gym: str, *, now: datetime, before: str = "gym==0.26.2\n") -> Verdict:
    """Judge by what the agent keeps on disk."""
    earlier = EarlierSource(source=a_source(before), lock_revision=41, until=UNTIL)
    revision = PolicyRevision(
        name="rl-team",
        revision=8,
        lock_revision=42,
        digest=Digest("sha256:" + "0" * 64),
        pushed_at=NOW,
        source=a_source("gym==0.27.0\n"),
        earlier=(earlier,),
    )
    state = open_state(tmp_path)
    state.keep_policies({"rl-team": kept_of(revision, NOW)})
    environment = an_environment(a_snapshot(gym=gym), project=Project("/home/ann/rl", policy="rl-team"))
    policies, machine = Policies(parse_kept(state.policies())), Machine("ws-7")
    [ruled] = judge_bound([environment], FACTS, machine, policies, now, comparisons=Comparisons(), matches={})
    assert ruled.verdict.policy is not None
    assert ruled.governing is not None
    assert ruled.governing.lock_revision == ruled.verdict.policy.lock
    return ruled.verdict


@pytest.mark.parametrize(
    ("gym", "now", "outcome", "lock", "pending"),
    [
        pytest.param("0.26.2", NOW, "compliant", 41, Pending(lock=42, until=UNTIL), id="it waits"),
        pytest.param("0.27.0", NOW, "compliant", 42, None, id="it was upgraded"),
        pytest.param("0.26.2", UNTIL, "drifted", 42, None, id="grace is over"),
    ],
)
def test_the_lock_that_counts_judges(
    tmp_path: Path, gym: str, now: datetime, outcome: str, lock: int, pending: Pending | None
) -> None:
    verdict = judged(tmp_path, gym, now=now)
    assert verdict.policy is not None
    assert (verdict.verdict, verdict.policy.lock, verdict.pending) == (outcome, lock, pending)
    assert verdict.ends_at == (None if pending is None else UNTIL)


def test_a_lock_that_this_version_cannot_read_judges_nothing(tmp_path: Path) -> None:
    verdict = judged(tmp_path, "0.26.2", now=NOW, before="not a lock\n")
    assert (verdict.verdict, verdict.pending) == ("drifted", None)
