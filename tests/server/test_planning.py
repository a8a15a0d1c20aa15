"""What a push would do is told by name before anything is pushed, and nothing is kept of it."""

from __future__ import annotations

from datetime import datetime, timezone

import msgspec
import pytest
import sqlalchemy as sa

from envguard.domain.environment import Snapshot
from envguard.domain.policy import PolicySource
from envguard.formats import parse_source
from envguard.server.planning import plan
from envguard.server.store.schema import metadata
from envguard.wire import PlanReply
from tests.server.asking import BAD, GOOD, POLICY, Server, a_record, a_snapshot, records, says

NEWER = POLICY.replace("0.26.2", "0.27.0")
NEWEST = a_snapshot(gym="0.27.0")
TWICE_BAD = a_snapshot(gym="0.25.2", numpy="2.1.3")


def a_source(text: str) -> PolicySource:
    return PolicySource(filename="rl-team.yaml", text=text)


def planned(server: Server, text: str) -> PlanReply:
    answer = server.ask("POST", "/policies/plan", a_source(text), token=server.admin)
    assert answer.status == 200, answer
    return msgspec.json.decode(answer.body, type=PlanReply)


def told(reply: PlanReply) -> dict[str, tuple[str, str, str]]:
    return {each.machine: (each.change, each.before, each.after) for each in reply.environments}


def a_team(server: Server, **snapshots: Snapshot) -> None:
    for name, snapshot in snapshots.items():
        server.report(server.enrol(name), records(a_record(snapshot)), snapshot)


def test_each_environment_whose_verdict_would_change_is_named(server: Server) -> None:
    server.push()
    a_team(server, ann=GOOD, bob=BAD, eve=NEWEST)
    reply = planned(server, NEWER)
    assert told(reply) == {
        "ann": ("drifts", "compliant", "drifted"),
        "eve": ("compliant", "drifted", "compliant"),
    }
    assert reply.counts == {"drifts": 1, "compliant": 1}
    assert (reply.governs, reply.unchanged) == (3, 1)
    [finding] = reply.environments[0].findings
    assert (finding.package, finding.expected, finding.actual) == ("gym", "==0.27.0", "0.26.2")
    assert (finding.place, finding.moved) == ("rl-team.yaml:6", "policy")


def test_who_drifts_either_way_drifts_from_more_or_less(server: Server) -> None:
    server.push()
    a_team(server, bob=TWICE_BAD, eve=BAD)
    stricter = POLICY + '  numpy: {version: "<2", severity: error}\n'
    assert told(planned(server, stricter)) == {
        "bob": ("drifts-more", "drifted", "drifted"),
        "eve": ("drifts-more", "drifted", "drifted"),
    }
    server.push(stricter)
    assert {change for change, _, _ in told(planned(server, POLICY)).values()} == {"drifts-less"}
    assert planned(server, stricter.replace("0.26.2", "0.99")).environments == ()


def test_who_comes_under_the_policy_and_who_leaves_it_is_named(server: Server) -> None:
    server.push(POLICY.replace('"*"', '"/home/ann/**"'))
    a_team(server, ann=GOOD)
    server.report(server.enrol("bob"), records(a_record(GOOD, "/home/bob/rl/.venv")), GOOD)
    reply = planned(server, POLICY.replace('"*"', '"/home/bob/**"'))
    assert told(reply) == {
        "ann": ("released", "compliant", "unmanaged"),
        "bob": ("governed", "unmanaged", "compliant"),
    }
    assert reply.governs == 1


def test_two_policies_that_would_both_apply_are_said(server: Server) -> None:
    server.push()
    a_team(server, ann=GOOD)
    reply = planned(server, POLICY.replace("rl-team", "other"))
    assert (reply.name, reply.revision, reply.difference) == ("other", None, None)
    [environment] = reply.environments
    assert (environment.change, environment.before) == ("unknown", "compliant")
    assert environment.reason is not None
    assert "`other` and `rl-team` both apply" in environment.reason


def test_what_the_policy_itself_changes_is_told(server: Server) -> None:
    server.push()
    reply = planned(server, NEWER)
    assert (reply.revision, reply.is_new) == (1, True)
    assert reply.difference is not None
    [change] = reply.difference.changes
    assert (change.key, change.before, change.after) == ("packages.gym", "==0.26.2", "==0.27.0")


def test_the_files_that_the_server_has_change_nothing(server: Server) -> None:
    server.push()
    a_team(server, ann=GOOD, bob=BAD)
    reply = planned(server, POLICY)
    assert (reply.is_new, reply.environments, reply.unchanged) == (False, (), 2)
    assert reply.difference is not None
    assert reply.difference.is_empty


def test_a_waiver_in_the_files_counts(server: Server) -> None:
    server.push()
    a_team(server, ann=GOOD, bob=BAD)
    waiver = "waivers: [{package: gym, machine: ann, until: 2099-01-01, reason: r, approved-by: lead}]\n"
    assert told(planned(server, NEWER + waiver)) == {}


def test_what_was_granted_beside_the_files_counts_by_the_new_ones_too(server: Server) -> None:
    server.push()
    a_team(server, ann=GOOD, bob=BAD)
    end = datetime.fromtimestamp(server.now_s + 3600, timezone.utc)
    request = {"policy": "rl-team", "package": "gym", "until": end, "reason": "old GPU", "machine": "ann"}
    assert server.ask("POST", "/waivers", request, token=server.admin).status == 200
    assert told(planned(server, NEWER)) == {}


def kept_by(server: Server) -> dict[str, list[str]]:
    """Every row of the server's database, by table."""
    with server.database.reading() as connection:
        rows = {table.name: connection.execute(sa.select(table)).all() for table in metadata.sorted_tables}
    return {name: sorted(map(repr, each)) for name, each in rows.items()}


def test_a_plan_keeps_nothing(server: Server) -> None:
    server.push()
    a_team(server, ann=GOOD, bob=BAD)
    before, kept = server.team(), kept_by(server)
    planned(server, NEWER)
    assert kept_by(server) == kept
    assert server.team() == before
    [policy] = server.ask("GET", "/policies", token=server.admin).json()["policies"]
    assert (policy["revision"], policy["source"]["text"]) == (1, POLICY)


def test_a_plan_foretells_what_a_push_brings(server: Server) -> None:
    server.push()
    a_team(server, ann=GOOD, bob=BAD, eve=NEWEST)
    reply = planned(server, NEWER)
    server.push(NEWER)
    now = {each.name: each.environments[0] for each in server.team().machines}
    for each in reply.environments:
        assert (each.machine, now[each.machine].verdict) == (each.machine, each.after)
        assert now[each.machine].findings[: len(each.findings)] == each.findings


def test_other_policies_environments_are_not_looked_at(server: Server) -> None:
    server.push(POLICY.replace('"*"', '"/home/ann/**"'))
    a_team(server, ann=GOOD)
    server.report(server.enrol("bob"), records(a_record(BAD, "/b", policy="other")), BAD)
    reply = planned(server, NEWER)
    assert (list(told(reply)), reply.unchanged) == (["ann"], 0)


def test_one_environment_on_several_machines_is_one(server: Server) -> None:
    server.push()
    for name in ("ws-1", "ws-2"):
        held = records(a_record(GOOD, f"/net/{name}/.venv", shared_as="nfs:host:/rl"))
        server.report(server.enrol(name), held, GOOD)
    [environment] = planned(server, NEWER).environments
    assert (environment.machine, environment.also_on) == ("ws-1", ("ws-2",))


def test_a_silent_machine_is_marked(server: Server) -> None:
    server.push()
    a_team(server, ann=GOOD)
    assert [each.is_silent for each in planned(server, NEWER).environments] == [False]
    server.now_s += 3600
    assert [each.is_silent for each in planned(server, NEWER).environments] == [True]


def test_what_would_take_too_long_is_counted_and_not_compared(server: Server) -> None:
    server.push()
    versions = {f"ws-{number}": a_snapshot(gym=f"0.{number}") for number in range(5)}
    a_team(server, **versions)
    source = a_source(NEWER.replace("==0.27.0", "==0.3"))
    reply = plan(server.service, source, parse_source(source), most_compared=2)
    assert (reply.governs, reply.not_judged) == (2, 3)


def test_what_is_wrong_with_the_files_is_told_at_once(server: Server) -> None:
    text = 'envguard: 1\nname: rl-team\npackages:\n  gym: "=>1"\n  numpy: "~~2"\n'
    answer = server.ask("POST", "/policies/plan", a_source(text), token=server.admin)
    says(answer, 422, "gym", "numpy", "rl-team.yaml:4")


def test_a_policy_that_this_server_cannot_read_may_be_planned_anew(server: Server) -> None:
    server.keep_policy("rl-team", "envguard: 2\nname: rl-team\n")
    reply = planned(server, POLICY)
    assert (reply.revision, reply.is_new, reply.difference) == (1, True, None)


@pytest.mark.parametrize(("who", "status"), [("nobody", 401), ("machine", 403), ("admin", 200)])
def test_people_may_ask(server: Server, who: str, status: int) -> None:
    token = {"nobody": None, "machine": server.enrol("ws-7"), "admin": server.admin}[who]
    assert server.ask("POST", "/policies/plan", a_source(POLICY), token=token).status == status


def test_a_policy_may_be_called_plan(server: Server) -> None:
    server.push(POLICY.replace("rl-team", "plan"))
    assert server.ask("GET", "/policies/plan", token=server.admin).json()["name"] == "plan"
