"""Waivers on the server: who may ask, grant and end; whom they acquit; and when they are over."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import msgspec
import pytest

from envguard.domain.policy import Waiver
from envguard.wire import CheckinReply, Policies, WaiverEntry, WaiverReply, Waivers, waivers_digest
from tests.server.asking import BAD, GOOD, POLICY, Answer, Server, a_checkin, a_record, records, says

DAY_S = 24 * 3600


def a_request(server: Server, **changes: object) -> dict[str, object]:
    until = datetime.fromtimestamp(server.now_s + DAY_S, timezone.utc)
    return {"policy": "rl-team", "package": "gym", "until": until, "reason": "old GPU", **changes}


def asked(server: Server, token: str, **changes: object) -> WaiverEntry:
    answer = server.ask("POST", "/waivers", a_request(server, **changes), token=token)
    return entry_of(answer)


def decided(server: Server, number: int | None, word: str, **message: object) -> WaiverEntry:
    return entry_of(decide(server, number, word, server.admin, **message))


def decide(server: Server, number: int | None, word: str, token: str, **message: object) -> Answer:
    return server.ask("POST", f"/waivers/{number}/{word}", message, token=token)


def entry_of(answer: Answer) -> WaiverEntry:
    assert answer.status == 200, answer
    return msgspec.json.decode(answer.body, type=WaiverReply).waiver


def listed(server: Server, token: str | None = None, query: str = "") -> tuple[WaiverEntry, ...]:
    answer = server.ask("GET", f"/waivers{query}", token=token or server.admin)
    assert answer.status == 200, answer
    return msgspec.json.decode(answer.body, type=Waivers).waivers


def held(server: Server, secret: str) -> tuple[Waiver, ...]:
    """What a machine gets with the policy."""
    answer = server.ask("GET", "/policies", token=secret)
    [policy] = msgspec.json.decode(answer.body, type=Policies).policies
    return policy.waivers


def verdicts(server: Server) -> dict[str, str]:
    return {each.name: each.verdict for each in server.team().machines}


@pytest.fixture
def secrets(server: Server) -> dict[str, str]:
    """Two machines with the very same wrong environment."""
    server.push()
    found = {name: server.enrol(name) for name in ("ws-7", "ws-9")}
    for secret in found.values():
        server.report(secret, records(a_record(BAD)), BAD)
    assert verdicts(server) == {"ws-7": "drifted", "ws-9": "drifted"}
    return found


class TestAsking:
    def test_a_machine_asks_and_nothing_is_acquitted_yet(
        self, server: Server, secrets: dict[str, str]
    ) -> None:
        entry = asked(server, secrets["ws-7"], package="GYM")
        assert (entry.state, entry.package, entry.machine, entry.approved_by) == (
            "asked",
            "gym",
            "ws-7",
            None,
        )
        assert entry.asked is not None
        assert (entry.asked.by, entry.asked.at.timestamp()) == ("ws-7", server.now_s)
        assert [each.machine for each in entry.acquits] == ["ws-7"]
        assert verdicts(server)["ws-7"] == "drifted"
        assert held(server, secrets["ws-7"]) == ()
        [waiting] = server.team().asked
        assert (waiting.id, waiting.package, waiting.by) == (entry.id, "gym", "ws-7")

    def test_a_lead_s_is_granted_at_once(self, server: Server, secrets: dict[str, str]) -> None:
        entry = asked(server, server.admin, machine="ws-7")
        assert (entry.state, entry.approved_by, entry.machine) == ("granted", "admin", "ws-7")
        assert verdicts(server) == {"ws-7": "compliant", "ws-9": "drifted"}
        assert server.team().asked == ()

    def test_what_waits_is_in_the_report_of_its_own_policy(
        self, server: Server, secrets: dict[str, str]
    ) -> None:
        server.push(POLICY.replace("rl-team", "vision").replace('"*"', '"/srv/*"'))
        number = asked(server, secrets["ws-7"]).id
        assert [each.id for each in server.team("?policy=rl-team").asked] == [number]
        assert server.team("?policy=vision").asked == ()

    def test_a_machine_asks_for_itself_only(self, server: Server, secrets: dict[str, str]) -> None:
        request = a_request(server, machine="ws-9")
        says(server.ask("POST", "/waivers", request, token=secrets["ws-7"]), 403, "for itself only: ws-7")
        assert listed(server) == ()

    @pytest.mark.parametrize("word", ["approve", "refuse", "end"])
    def test_a_machine_decides_nothing(self, server: Server, secrets: dict[str, str], word: str) -> None:
        number = asked(server, secrets["ws-7"]).id
        says(decide(server, number, word, secrets["ws-7"]), 403, "needs the role lead", "ws-7 is a machine")
        assert [each.state for each in listed(server)] == ["asked"]

    def test_what_is_sent_twice_is_one(self, server: Server, secrets: dict[str, str]) -> None:
        first, second = asked(server, secrets["ws-7"]), asked(server, secrets["ws-7"])
        assert first == second
        decided(server, first.id, "approve")
        assert asked(server, secrets["ws-7"]).id == first.id
        asked(server, server.admin)
        assert asked(server, server.admin).id != first.id
        assert len(listed(server)) == 2

    @pytest.mark.parametrize(
        ("changes", "status", "words"),
        [
            pytest.param({"policy": "rl-tem"}, 404, "did you mean rl-team?", id="policy"),
            pytest.param({"machine": "ws-8"}, 404, "no such machine: ws-8", id="machine"),
            pytest.param({"package": "a b"}, 400, "not a package's name - at `$.package`", id="package"),
            pytest.param({"package": ""}, 400, "$.package", id="no package"),
            pytest.param({"reason": " "}, 400, "1 to 500 characters", id="no reason"),
            pytest.param({"reason": "x" * 501}, 400, "1 to 500 characters", id="long reason"),
            pytest.param({"reason": "\x1b[31m"}, 400, "can be printed", id="terminal"),
            pytest.param({"environment": "rl"}, 400, "names no environment", id="environment"),
            pytest.param({"kind": "mising"}, 400, "$.kind", id="kind"),
            pytest.param({"until": "2027-01-01T00:00:00"}, 400, "$.until", id="no zone"),
            pytest.param({"until": "1990-01-01T00:00:00Z"}, 422, "in the future", id="over"),
            pytest.param({"until": "2199-01-01T00:00:00Z"}, 422, "within 180 days", id="for ever"),
        ],
    )
    def test_what_cannot_be_is_refused_with_its_place(
        self,
        server: Server,
        secrets: dict[str, str],
        changes: dict[str, object],
        status: int,
        words: str,
    ) -> None:
        says(server.ask("POST", "/waivers", a_request(server, **changes), token=server.admin), status, words)
        assert listed(server) == ()

    def test_a_machine_does_not_flood_the_lead(self, server: Server, secrets: dict[str, str]) -> None:
        before = [asked(server, secrets["ws-7"], package=f"p{number}") for number in range(100)]
        full = server.ask("POST", "/waivers", a_request(server), token=secrets["ws-7"])
        says(full, 409, "100 waivers of this machine wait")
        assert asked(server, secrets["ws-7"], package="p7") == before[7], "the same message, sent again"
        asked(server, secrets["ws-9"])
        server.now_s += 2 * DAY_S
        assert asked(server, secrets["ws-7"]).state == "asked", "those before have expired: nobody can decide"


class TestDeciding:
    @pytest.mark.parametrize("reason", ["", " ", "\x1b[31m"])
    def test_a_reason_is_one_or_none(self, server: Server, secrets: dict[str, str], reason: str) -> None:
        number = asked(server, secrets["ws-7"]).id
        says(decide(server, number, "refuse", server.admin, reason=reason), 400, "1 to 500 characters")
        assert [each.state for each in listed(server)] == ["asked"]

    def test_approval_acquits_the_one_machine(self, server: Server, secrets: dict[str, str]) -> None:
        number = asked(server, secrets["ws-7"]).id
        server.now_s += 60
        entry = decided(server, number, "approve", reason="until Friday, then")
        assert (entry.state, entry.approved_by) == ("granted", "admin")
        assert entry.decided is not None
        assert (entry.decided.at.timestamp(), entry.decided.reason) == (server.now_s, "until Friday, then")
        assert verdicts(server) == {"ws-7": "compliant", "ws-9": "drifted"}
        [mine] = held(server, secrets["ws-7"])
        assert (mine.id, mine.machine, mine.approved_by) == (number, "ws-7", "admin")
        assert held(server, secrets["ws-9"]) == ()

    def test_a_waived_finding_stays_visible(self, server: Server, secrets: dict[str, str]) -> None:
        entry = asked(server, server.admin, machine="ws-7")
        [finding] = server.team().machines[0].environments[0].findings
        assert finding.waived is not None
        assert (finding.waived.approved_by, finding.waived.id) == ("admin", entry.id)

    def test_refusal_acquits_nothing(self, server: Server, secrets: dict[str, str]) -> None:
        number = asked(server, secrets["ws-7"]).id
        entry = decided(server, number, "refuse", reason="upgrade instead")
        assert (entry.state, entry.approved_by) == ("refused", None)
        assert entry.decided is not None
        assert entry.decided.reason == "upgrade instead"
        assert verdicts(server)["ws-7"] == "drifted"
        assert listed(server) == ()
        assert [each.state for each in listed(server, query="?all=1")] == ["refused"]

    def test_its_end_bites_at_once_and_says_so(self, server: Server, secrets: dict[str, str]) -> None:
        number = asked(server, server.admin, machine="ws-7").id
        entry = decided(server, number, "end", reason="the GPU is here")
        assert entry.ended is not None
        assert (entry.state, entry.ended.by, entry.approved_by) == ("ended", "admin", "admin")
        assert verdicts(server)["ws-7"] == "drifted"
        assert server.team().machines[0].environments[0].findings[0].moved == "waiver"

    def test_what_was_compliant_by_it_is_known_when_it_ends(
        self, server: Server, secrets: dict[str, str]
    ) -> None:
        """The policy moved before, and nobody had looked since: it is not what made this drift."""
        number = asked(server, server.admin, machine="ws-7").id
        server.push(POLICY + "  torch: {deny: true}\n")
        decided(server, number, "end")
        assert server.team().machines[0].environments[0].findings[0].moved == "waiver"

    @pytest.mark.parametrize("word", ["end", "refuse"])
    def test_what_is_over_acquits_nothing(self, server: Server, secrets: dict[str, str], word: str) -> None:
        token = server.admin if word == "end" else secrets["ws-7"]
        entry = asked(server, token, machine="ws-7")
        assert len(entry.acquits) == 1
        assert decided(server, entry.id, word).acquits == ()
        assert [each.acquits for each in listed(server, query="?all=1")] == [()]

    def test_expiry_bites_at_once_and_says_so(self, server: Server, secrets: dict[str, str]) -> None:
        asked(server, server.admin, machine="ws-7")
        server.now_s += DAY_S - 1
        assert held(server, secrets["ws-7"]) != ()
        server.now_s += 1
        [finding] = server.team().machines[0].environments[0].findings
        assert (finding.waived, finding.moved) == (None, "waiver")
        assert held(server, secrets["ws-7"]) == ()
        assert [each.state for each in listed(server, query="?all=1")] == ["expired"]

    def test_a_word_said_twice_is_said_once(self, server: Server, secrets: dict[str, str]) -> None:
        number = asked(server, secrets["ws-7"]).id
        for word in ("approve", "end"):
            first = decided(server, number, word)
            server.now_s += 60
            assert decided(server, number, word, reason="again") == first

    @pytest.mark.parametrize(
        ("said", "word", "words"),
        [
            (("refuse",), "approve", "was refused by admin"),
            (("approve",), "refuse", "was granted by admin"),
            (("approve", "end"), "approve", "was ended by admin"),
            (("refuse",), "end", "was refused by admin"),
        ],
    )
    def test_what_is_decided_stays_so(
        self, server: Server, secrets: dict[str, str], said: tuple[str, ...], word: str, words: str
    ) -> None:
        number = asked(server, secrets["ws-7"]).id
        for each in said:
            decided(server, number, each)
        says(decide(server, number, word, server.admin), 409, words)

    def test_what_expired_is_not_granted_any_more(self, server: Server, secrets: dict[str, str]) -> None:
        number = asked(server, secrets["ws-7"]).id
        server.now_s += DAY_S
        says(decide(server, number, "approve", server.admin), 409, f"waiver {number} ended on")
        assert server.team().asked == ()

    @pytest.mark.parametrize("path", ["999/approve", "0/approve", "x/approve", "1/forget", "9999999999/end"])
    def test_what_is_not_there_is_not_found(self, server: Server, secrets: dict[str, str], path: str) -> None:
        asked(server, secrets["ws-7"])
        assert server.ask("POST", f"/waivers/{path}", {}, token=server.admin).status == 404


class TestListing:
    def test_the_lead_sees_all_and_a_machine_what_concerns_it(
        self, server: Server, secrets: dict[str, str]
    ) -> None:
        for name, secret in secrets.items():
            asked(server, secret, reason=name)
        asked(server, server.admin, package="numpy", reason="all")
        assert [each.reason for each in listed(server)] == ["ws-7", "ws-9", "all"]
        assert [each.reason for each in listed(server, secrets["ws-9"])] == ["ws-9", "all"]

    def test_what_is_not_needed_acquits_nothing(self, server: Server, secrets: dict[str, str]) -> None:
        asked(server, server.admin)
        asked(server, server.admin, package="numpy")
        asked(server, server.admin, kind="missing")
        asked(server, server.admin, environment="/srv/**")
        found = [(each.package, [where.machine for where in each.acquits]) for each in listed(server)]
        assert found == [("gym", ["ws-7", "ws-9"]), ("numpy", []), ("gym", []), ("gym", [])]
        assert [where.machine for where in listed(server, secrets["ws-9"])[0].acquits] == ["ws-9"]

    def test_those_of_policy_files_are_among_them(self, server: Server, secrets: dict[str, str]) -> None:
        ends = [datetime.fromtimestamp(server.now_s + days * DAY_S, timezone.utc) for days in (-1, 1)]
        rows = [f"  - {{package: gym, until: {end:%Y-%m-%d}, reason: r, approved-by: lab}}\n" for end in ends]
        assert server.push(POLICY + "waivers:\n" + "".join(rows)).status == 200
        [entry] = listed(server)
        assert (entry.id, entry.state, entry.approved_by, len(entry.acquits)) == (None, "granted", "lab", 2)
        assert [each.state for each in listed(server, query="?all=1")] == ["granted", "expired"]

    def test_only_one_policy_s(self, server: Server, secrets: dict[str, str]) -> None:
        server.push(POLICY.replace("rl-team", "vision").replace('"*"', '"/srv/*"'))
        asked(server, server.admin, policy="vision")
        asked(server, server.admin)
        assert [each.policy for each in listed(server, query="?policy=vision")] == ["vision"]
        says(server.ask("GET", "/waivers?policy=visio", token=server.admin), 404, "did you mean vision?")


class TestTelling:
    def told(self, server: Server, secret: str, *waivers: Waiver, seq: int) -> bool:
        message = a_checkin(records(a_record(BAD)), seq=seq)
        message = msgspec.structs.replace(message, policies={"rl-team": 1}, waivers=waivers_digest(waivers))
        answer = server.ask("POST", "/checkin", message, token=secret)
        return msgspec.json.decode(answer.body, type=CheckinReply).policies_changed

    def test_a_machine_hears_of_what_concerns_it_and_of_its_end(
        self, server: Server, secrets: dict[str, str]
    ) -> None:
        mine, other = secrets["ws-7"], secrets["ws-9"]
        assert not self.told(server, mine, seq=1)
        number = asked(server, mine).id
        assert not self.told(server, mine, seq=2)
        decided(server, number, "approve")
        assert self.told(server, mine, seq=3)
        assert not self.told(server, other, seq=1)
        assert not self.told(server, mine, *held(server, mine), seq=4)
        kept = held(server, mine)
        decided(server, number, "end")
        assert self.told(server, mine, *kept, seq=5)
        assert not self.told(server, mine, seq=6)

    def test_a_name_that_passes_to_another_machine_takes_no_waiver_along(
        self, server: Server, secrets: dict[str, str]
    ) -> None:
        asked(server, server.admin, machine="ws-7")
        token = server.join_token()
        renamed = server.ask("POST", "/enroll", {"token": token, "machine": "id-ws-7", "name": "ws-1"})
        assert renamed.status == 200
        server.report(server.enrol("ws-7-new"), records(a_record(BAD)))
        message = {"token": server.join_token(), "machine": "id-ws-7-new", "name": "ws-7"}
        assert server.ask("POST", "/enroll", message).status == 200
        assert verdicts(server) == {"ws-1": "compliant", "ws-7": "drifted", "ws-9": "drifted"}

    def test_an_agent_that_knows_of_none_is_left_alone(self, server: Server, secrets: dict[str, str]) -> None:
        asked(server, server.admin)
        message = msgspec.structs.replace(a_checkin(records(a_record(BAD))), policies={"rl-team": 1})
        answer = server.ask("POST", "/checkin", message, token=secrets["ws-7"])
        assert not msgspec.json.decode(answer.body, type=CheckinReply).policies_changed


def test_waivers_outlive_a_restart_and_a_push(server: Server) -> None:
    server.push()
    server.report(server.enrol("ws-7"), records(a_record(BAD)), BAD)
    asked(server, server.admin, until=datetime.fromtimestamp(server.now_s, timezone.utc) + timedelta(days=2))
    again = server.again()
    assert again.push(POLICY + "# another revision\n").status == 200
    assert verdicts(again) == {"ws-7": "compliant"}
    again.database.close()


def test_what_it_does_not_cover_still_counts(server: Server) -> None:
    server.push(POLICY + "  numpy: '<2'\n")
    server.report(server.enrol("ws-7"), records(a_record(GOOD)), GOOD)
    asked(server, server.admin)
    assert verdicts(server) == {"ws-7": "drifted"}
