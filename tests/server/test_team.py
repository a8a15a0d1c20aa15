"""The team's report: verdicts, what moved, and what is not known."""

from __future__ import annotations

from datetime import datetime, timezone

import msgspec
import pytest

from envguard.domain.environment import Integrity, Problem
from envguard.server import service as judging
from tests.server.asking import (
    BAD,
    GOOD,
    POLICY,
    Server,
    a_checkin,
    a_record,
    a_snapshot,
    records,
)


class TestTeam:
    def test_machines_are_judged_by_the_policy_that_binds_them(self, server: Server) -> None:
        server.push()
        server.report(server.enrol("ws-7"), records(a_record(GOOD)), GOOD)
        server.report(server.enrol("ws-9"), records(a_record(BAD)), BAD)
        team = server.team("?policy=rl-team")
        assert [(each.name, each.verdict) for each in team.machines] == [
            ("ws-7", "compliant"),
            ("ws-9", "drifted"),
        ]
        assert (team.summary.compliant, team.summary.drifted, team.policies) == (1, 1, {"rl-team": 1})
        assert team.machines[1].environments[0].findings[0].moved == "never-matched"

    @pytest.mark.parametrize(("level", "verdict"), [("error", "drifted"), ("ignore", "compliant")])
    def test_files_that_changed_are_found(self, server: Server, level: str, verdict: str) -> None:
        server.push(POLICY + f"integrity: {level}\n")
        looked = Integrity(checked_at=datetime.fromtimestamp(server.now_s, timezone.utc), modified=("gym",))
        record = msgspec.structs.replace(a_record(GOOD), integrity=looked)
        server.report(server.enrol("ws-7"), records(record), GOOD)
        [machine] = server.team().machines
        assert machine.verdict == verdict
        kinds = [each.kind for each in machine.environments[0].findings]
        assert kinds == (["modified-files"] if level == "error" else [])

    def test_drift_says_what_moved(self, server: Server) -> None:
        server.push()
        secret = server.enrol("ws-7")
        server.report(secret, records(a_record(GOOD)), GOOD)
        server.report(secret, records(a_record(BAD)), BAD)
        assert server.team().machines[0].environments[0].findings[0].moved == "machine"

    def test_drift_by_a_new_revision_says_so(self, server: Server) -> None:
        server.push()
        server.report(server.enrol("ws-7"), records(a_record(GOOD)), GOOD)
        server.push(POLICY.replace("0.26.2", "1.0"))
        assert server.team().machines[0].environments[0].findings[0].moved == "policy"

    def test_comparison_is_done_once(self, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        server.push()
        for name in ("ws-7", "ws-8", "ws-9"):
            server.report(server.enrol(name), records(a_record(BAD)), BAD)
        before = server.team()
        monkeypatch.setattr(judging, "compare", None)
        assert server.team() == before

    @pytest.mark.parametrize(
        ("record", "words"),
        [
            (a_record(GOOD, policy="lost"), "names policy `lost`, which the server does not have"),
            (a_record(GOOD, use="lost"), "names policy `lost`, which the server does not have"),
            (a_record(GOOD, detail="pyproject.toml:3: no string"), "pyproject.toml:3: no string"),
            (a_record(BAD), "has not reached the server"),
        ],
        ids=["marker", "use", "broken marker", "snapshot not here"],
    )
    def test_undecided_is_unknown_and_says_why(self, server: Server, record: object, words: str) -> None:
        server.push()
        secret = server.enrol("ws-7")
        server.ask("PUT", "/environments", {"records": [record], "facts": _facts()}, token=secret)
        server.put_snapshot(secret, GOOD)
        (machine,) = server.team().machines
        assert machine.verdict == "unknown"
        assert words in (machine.environments[0].reason or "")

    def test_two_policies_for_one_environment_judge_neither(self, server: Server) -> None:
        server.push()
        server.push(POLICY.replace("rl-team", "vision"))
        server.report(server.enrol("ws-7"), records(a_record(GOOD)), GOOD)
        (machine,) = server.team("?policy=vision").machines
        assert machine.verdict == "unknown"
        assert "`rl-team` and `vision`" in (machine.environments[0].reason or "")

    def test_unreadable_package_is_unknown(self, server: Server) -> None:
        server.push()
        torn = a_snapshot(Problem("unreadable", "numpy"), gym="0.26.2")
        server.report(server.enrol("ws-7"), records(a_record(torn)), torn)
        assert server.team().summary.unknown == 1

    def test_silent_machine_is_stale_and_unknown_and_still_shown(self, server: Server) -> None:
        server.push()
        secret, held = server.enrol("ws-7"), records(a_record(GOOD))
        server.report(secret, held, GOOD)
        server.now_s += 180
        assert server.team().machines[0].state == "online"
        server.now_s += 1
        (machine,) = server.team().machines
        assert (machine.state, machine.verdict) == ("stale", "unknown")
        assert machine.environments[0].verdict == "compliant"
        server.ask("POST", "/checkin", a_checkin(held), token=secret)
        assert server.team().machines[0].verdict == "compliant"

    def test_without_a_policy_the_differences_are_named(self, server: Server) -> None:
        server.report(server.enrol("ws-7"), records(a_record(GOOD)), GOOD)
        server.report(server.enrol("ws-9"), records(a_record(BAD)), BAD)
        team = server.team()
        assert team.summary.unmanaged == 2
        (difference,) = team.differences
        assert difference.versions == {"0.25.2": ("ws-9",), "0.26.2": ("ws-7",)}

    def test_differences_of_what_was_made_for_no_project_are_none(self, server: Server) -> None:
        for machine, snapshot in (("ws-7", GOOD), ("ws-9", BAD)):
            record = msgspec.structs.replace(a_record(snapshot), kind="pipx")
            server.report(server.enrol(machine), records(record), snapshot)
        assert server.team().differences == ()

    def test_machine_that_sent_nothing_yet_is_unknown(self, server: Server) -> None:
        server.enrol("ws-7")
        assert server.team().summary.unknown == 1


def _facts() -> object:
    return {"os": "Debian GNU/Linux 12", "kernel": "6.1.0"}
