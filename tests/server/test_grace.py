"""A newer lock waits for those who are as the lock before wanted, until grace ends."""

from __future__ import annotations

from datetime import datetime, timezone

import msgspec
import pytest

from envguard.domain.policy import PolicySource
from envguard.formats import earlier_locks
from envguard.wire import PlanReply, Policies, PolicyRevision
from tests.server.asking import Answer, Server, a_record, a_snapshot, records

DAY_S = 24 * 3600.0
WITH_LOCK = """\
envguard: 1
name: rl-team
applies-to:
  - environments: ["*"]
lock: r.txt
"""
POLICY = WITH_LOCK + "upgrade: {requirements: [gym], grace: 2d}\n"
OLD, NEW = a_snapshot(gym="0.26.2", numpy="1.26.4"), a_snapshot(gym="0.27.0", numpy="2.0.0")
OLD_LOCK, NEW_LOCK = "gym==0.26.2\nnumpy==1.26.4\n", "gym==0.27.0\nnumpy==2.0.0\n"


def push(server: Server, lock: str, policy: str = POLICY) -> Answer:
    answer = server.push(policy, lock_filename="r.txt", lock_text=lock)
    assert answer.status == 200, answer
    return answer


def told(server: Server) -> dict[str, tuple[str, int | None]]:
    """Each machine's verdict, and the lock that waits."""
    return {
        machine.name: (environment.verdict, environment.pending.lock if environment.pending else None)
        for machine in server.team().machines
        for environment in machine.environments
    }


def newest(server: Server, token: str) -> PolicyRevision:
    answer = server.ask("GET", "/policies", token=token)
    [revision] = msgspec.json.decode(answer.body, type=Policies).policies
    return revision


@pytest.fixture
def secret(server: Server) -> str:
    """Of a machine that is as the first lock wants; beside it is one that is upgraded already."""
    push(server, OLD_LOCK)
    secret = server.enrol("ann")
    server.report(secret, records(a_record(OLD)), OLD)
    server.report(server.enrol("bob"), records(a_record(NEW)), NEW)
    assert told(server) == {"ann": ("compliant", None), "bob": ("drifted", None)}
    push(server, NEW_LOCK)
    return secret


@pytest.mark.usefixtures("secret")
def test_a_newer_lock_makes_no_alarm_until_grace_ends(server: Server) -> None:
    assert told(server) == {"ann": ("compliant", 2), "bob": ("compliant", None)}
    server.now_s += 2 * DAY_S - 1
    assert told(server)["ann"] == ("compliant", 2)
    server.now_s += 1
    assert told(server)["ann"] == ("drifted", None)
    [finding, _] = server.team().machines[0].environments[0].findings
    assert (finding.package, finding.expected, finding.moved) == ("gym", "==0.27.0", "lock")


def test_machines_get_the_lock_before_with_its_end(server: Server, secret: str) -> None:
    revision = newest(server, secret)
    [earlier] = earlier_locks(revision.name, revision.earlier)
    assert (revision.lock_revision, earlier.revision) == (2, 1)
    assert [package.version for package in earlier.lock.packages] == ["0.26.2", "1.26.4"]
    assert earlier.until == datetime.fromtimestamp(server.now_s + 2 * DAY_S, timezone.utc)
    server.now_s += 2 * DAY_S
    assert newest(server, secret).earlier == ()


@pytest.mark.usefixtures("secret")
def test_grace_counts_from_the_lock_and_not_from_a_later_change_of_the_rules(server: Server) -> None:
    server.now_s += DAY_S
    push(server, NEW_LOCK, POLICY + "unlisted: error\n")
    assert told(server)["ann"] == ("compliant", 2)
    server.now_s += DAY_S
    assert told(server)["ann"] == ("drifted", None)


@pytest.mark.usefixtures("secret")
def test_of_three_locks_each_has_its_own_end(server: Server) -> None:
    server.now_s += DAY_S
    push(server, "gym==0.28.0\nnumpy==2.0.0\n")
    assert told(server) == {"ann": ("compliant", 3), "bob": ("compliant", 3)}
    server.now_s += DAY_S
    assert told(server)["bob"] == ("compliant", 3)
    assert told(server)["ann"][0] == "drifted"
    server.now_s += DAY_S
    assert told(server) == {"ann": ("drifted", None), "bob": ("drifted", None)}


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param(WITH_LOCK, id="it does not say how it is upgraded"),
        pytest.param(POLICY.replace("2d", "0d"), id="it gives none"),
    ],
)
def test_without_grace_the_newest_lock_judges_at_once(server: Server, policy: str) -> None:
    push(server, OLD_LOCK, policy)
    server.report(server.enrol("ann"), records(a_record(OLD)), OLD)
    push(server, NEW_LOCK, policy)
    assert told(server) == {"ann": ("drifted", None)}


@pytest.mark.parametrize(
    ("policy", "change"),
    [pytest.param(POLICY, None, id="with grace"), pytest.param(WITH_LOCK, "drifts", id="without")],
)
def test_a_plan_knows_of_grace(server: Server, policy: str, change: str | None) -> None:
    push(server, OLD_LOCK, policy)
    server.report(server.enrol("ann"), records(a_record(OLD)), OLD)
    source = PolicySource(filename="rl-team.yaml", text=policy, lock_filename="r.txt", lock_text=NEW_LOCK)
    answer = server.ask("POST", "/policies/plan", source, token=server.admin)
    reply = msgspec.json.decode(answer.body, type=PlanReply)
    assert [each.change for each in reply.environments] == ([] if change is None else [change])
