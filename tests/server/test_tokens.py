"""People's tokens and join strings: made, shown once, listed, ended, and what they let in."""

from __future__ import annotations

from typing import Any

import pytest

from envguard.server.tokens import digest_of_secret
from envguard.wire import read_join
from tests.server.asking import GOOD, Server, a_checkin, a_record, records, says
from tests.server.test_pages import cookie_of, sign_in

DAY_S = 24 * 3600


def make(server: Server, person: str = "ann", role: str = "lead", **more: object) -> dict[str, Any]:
    answer = server.ask(
        "POST", "/tokens/people", {"person": person, "role": role, **more}, token=server.admin
    )
    assert answer.status == 200, answer
    made: dict[str, Any] = answer.json()
    return made


def listed(server: Server) -> list[dict[str, Any]]:
    tokens: list[dict[str, Any]] = server.ask("GET", "/tokens", token=server.admin).json()["tokens"]
    return tokens


def revoke(server: Server, **which: str) -> dict[str, Any]:
    answer = server.ask("POST", "/tokens/revoke", which, token=server.admin)
    assert answer.status == 200, answer
    done: dict[str, Any] = answer.json()
    return done


class TestPeople:
    def test_token_is_its_persons_until_it_expires(self, server: Server) -> None:
        made = make(server, expires_s=DAY_S)
        who = server.ask("GET", "/whoami", token=made["token"]).json()
        assert (who["name"], who["role"], who["expires_at"]) == ("ann", "lead", made["expires_at"])
        server.now_s += DAY_S
        says(
            server.ask("GET", "/whoami", token=made["token"]), 401, "expired: ann's", "token new --person ann"
        )

    def test_token_is_legible_by_kind_and_kept_only_as_a_hash(self, sqlite_server: Server) -> None:
        server = sqlite_server
        made, machine = make(server), server.enrol("ws-7")
        join = read_join(server.ask("POST", "/tokens", {}, token=server.admin).json()["join"]).token
        secrets = [made["token"], machine, join, server.admin]
        assert [each[:5] for each in secrets] == ["eg_p_", "eg_m_", "eg_j_", "eg_a_"]
        kept = b"".join(path.read_bytes() for path in server.state.glob("envguard.db*"))
        assert not any(each.encode() in kept for each in secrets)
        assert digest_of_secret(made["token"]).encode() in kept

    def test_list_tells_who_and_when_and_no_secret(self, server: Server) -> None:
        made = make(server)
        server.ask("POST", "/tokens", {"labels": {"gpu": "a100"}, "needs_approval": True}, token=server.admin)
        assert [each["kind"] for each in listed(server)] == ["file", "person", "join"]
        row = listed(server)[1]
        assert (row["person"], row["role"], row["made_by"]) == ("ann", "lead", "admin")
        assert (row["id"], row["used_on"]) == (made["id"], None)
        server.ask("GET", "/whoami", token=made["token"])
        assert listed(server)[1]["used_on"] == "2026-09-21"
        join = listed(server)[2]
        assert (join["labels"], join["needs_approval"], join["uses_left"]) == ({"gpu": "a100"}, True, 1000)
        assert made["token"] not in str(listed(server))

    def test_revoked_token_is_refused_at_the_next_request_and_its_sessions_end(self, server: Server) -> None:
        first, second = make(server), make(server)
        cookie = cookie_of(sign_in(server, first["token"]))
        assert server.ask("GET", "//", cookie=cookie).status == 200
        done = revoke(server, person="ann")
        assert {each["id"] for each in done["tokens"]} == {first["id"], second["id"]}
        assert done["sessions"] == 1
        for made in (first, second):
            says(server.ask("GET", "/team", token=made["token"]), 401, "revoked: ann's")
        assert server.ask("GET", "//", cookie=cookie).status == 303

    def test_one_token_is_revoked_by_its_id(self, server: Server) -> None:
        first, second = make(server), make(server)
        revoke(server, id=first["id"])
        assert server.ask("GET", "/team", token=first["token"]).status == 401
        assert server.ask("GET", "/team", token=second["token"]).status == 200
        again = server.ask("POST", "/tokens/revoke", {"id": first["id"]}, token=server.admin)
        says(again, 404, "no such token", "token list")

    def test_server_writes_another_token_in_the_place_of_a_revoked_one(self, server: Server) -> None:
        eve = make(server, "eve", "admin")["token"]
        (of_file,) = [each for each in listed(server) if each["kind"] == "file"]
        assert server.ask("POST", "/tokens/revoke", {"id": of_file["id"]}, token=eve).status == 200
        says(server.ask("GET", "/team", token=server.admin), 401, "revoked")
        again = server.again()
        assert again.ask("GET", "/whoami", token=again.admin).json()["role"] == "admin"
        assert again.ask("GET", "/team", token=server.admin).status == 401
        again.database.close()

    @pytest.mark.parametrize(
        ("wish", "place"),
        [
            ({"person": "", "role": "lead"}, "$.person"),
            ({"person": "a\x00b", "role": "lead"}, "$.person"),
            ({"person": "x" * 201, "role": "lead"}, "$.person"),
            ({"person": "admin", "role": "lead"}, "$.person"),
            ({"person": "ann", "role": "king"}, "$.role"),
            ({"person": "ann", "role": "machine"}, "$.role"),
            ({"person": "ann", "role": "lead", "expires_s": 0}, "$.expires_s"),
            ({"person": "ann", "role": "lead", "expires_s": 367 * DAY_S}, "$.expires_s"),
        ],
        ids=str,
    )
    def test_wish_that_is_none_is_refused_with_its_place(
        self, sqlite_server: Server, wish: object, place: str
    ) -> None:
        says(sqlite_server.ask("POST", "/tokens/people", wish, token=sqlite_server.admin), 400, place)

    @pytest.mark.parametrize("wish", [{}, {"id": "x", "person": "ann"}], ids=str)
    def test_revoking_needs_one_of_both(self, sqlite_server: Server, wish: object) -> None:
        says(sqlite_server.ask("POST", "/tokens/revoke", wish, token=sqlite_server.admin), 400, "an id or")

    def test_what_is_decided_carries_the_persons_name(self, server: Server) -> None:
        server.push()
        ann = make(server)["token"]
        source = {"filename": "rl-team.yaml", "text": "envguard: 1\nname: rl-team\n"}
        assert server.ask("POST", "/policies", source, token=ann).status == 200
        revisions = server.ask("GET", "/policies/rl-team/revisions", token=ann).json()["revisions"]
        assert [each["pushed_by"] for each in revisions] == ["ann", "admin"]

    def test_researchers_waiver_waits_for_a_lead_and_says_who_granted_it(self, server: Server) -> None:
        server.push()
        bob, ann = make(server, "bob", "researcher")["token"], make(server)["token"]
        asked = {"policy": "rl-team", "package": "gym", "until": "2026-10-01T00:00:00Z", "reason": "exam"}
        waiver = server.ask("POST", "/waivers", asked, token=bob).json()["waiver"]
        assert (waiver["state"], waiver["asked"]["by"]) == ("asked", "bob")
        says(server.ask("POST", f"/waivers/{waiver['id']}/approve", {}, token=bob), 403, "role lead", "ann")
        granted = server.ask("POST", f"/waivers/{waiver['id']}/approve", {}, token=ann).json()["waiver"]
        assert (granted["state"], granted["approved_by"]) == ("granted", "ann")


class TestJoining:
    def test_labels_of_the_string_go_before_those_of_the_machine(self, server: Server) -> None:
        wish = {"labels": {"gpu": "a100", "room": "2"}}
        join = server.ask("POST", "/tokens", wish, token=server.admin).json()["join"]
        message = {"token": read_join(join).token, "machine": "m", "name": "ws-7"}
        reply = server.ask("POST", "/enroll", {**message, "labels": {"gpu": "none", "os": "x"}}).json()
        assert reply["labels"] == {"gpu": "a100", "room": "2", "os": "x"}
        (row,) = server.ask("GET", "/machines", token=server.admin).json()["machines"]
        assert (row["state"], row["labels"]) == ("joined", reply["labels"])

    def test_revoked_string_lets_nobody_in(self, server: Server) -> None:
        join = server.ask("POST", "/tokens", {}, token=server.admin).json()["join"]
        revoke(server, id=listed(server)[-1]["id"])
        message = {"token": read_join(join).token, "machine": "m", "name": "ws-7"}
        says(server.ask("POST", "/enroll", message), 403, "join string is revoked", "token new")

    def test_string_from_before_labels_still_lets_in(self, sqlite_server: Server) -> None:
        server = sqlite_server
        token = server.join_token()
        with server.database.writing() as connection:
            connection.exec_driver_sql("UPDATE join_tokens SET labels = NULL, made_by = NULL")
        reply = server.ask("POST", "/enroll", {"token": token, "machine": "m", "name": "ws-7"})
        assert (reply.status, reply.json()["labels"]) == (200, {})


class TestWaiting:
    def test_machine_that_waits_is_told_so_and_counts_nowhere(self, server: Server) -> None:
        secret = waiting(server, "ws-7")
        for method, path in (("POST", "/checkin"), ("PUT", "/environments"), ("GET", "/policies")):
            says(
                server.ask(method, path, {}, token=secret),
                403,
                "waits to be let in: ws-7",
                "machines approve",
            )
        assert server.team().summary.machines == 0
        (row,) = server.ask("GET", "/machines", token=server.admin).json()["machines"]
        assert (row["name"], row["state"], row["seen_at"]) == ("ws-7", "pending", None)

    def test_approved_machine_goes_on_with_the_secret_that_it_has(self, server: Server) -> None:
        secret = waiting(server, "ws-7")
        for _ in range(2):  # said twice, it is done once
            answer = server.ask("POST", "/machines/ws-7/approve", {}, token=server.admin)
            assert (answer.status, answer.json()["state"]) == (200, "joined")
        held = records(a_record(GOOD))
        server.report(secret, held, GOOD)
        assert server.ask("POST", "/checkin", a_checkin(held), token=secret).status == 200
        assert server.team().summary.machines == 1

    def test_refused_machine_is_told_so(self, server: Server) -> None:
        secret = waiting(server, "ws-7")
        assert server.ask("POST", "/machines/ws-7/retire", {}, token=server.admin).status == 200
        says(server.ask("GET", "/policies", token=secret), 403, "was retired: ws-7")
        says(
            server.ask("POST", "/machines/ws-7/approve", {}, token=server.admin),
            404,
            "no machine of this name",
        )

    def test_known_machine_that_asks_again_keeps_what_it_has_until_then(self, server: Server) -> None:
        old = server.enrol("ws-7")
        new = waiting(server, "ws-7")
        assert server.ask("GET", "/policies", token=old).status == 200
        server.ask("POST", "/machines/ws-7/approve", {}, token=server.admin)
        assert server.ask("GET", "/policies", token=new).status == 200
        assert server.ask("GET", "/policies", token=old).status == 401

    def test_name_of_a_waiting_machine_is_taken(self, server: Server) -> None:
        waiting(server, "ws-7")
        message = {"token": server.join_token(), "machine": "other", "name": "ws-7"}
        says(server.ask("POST", "/enroll", message), 409, "ws-7", "--name")


class TestRetiring:
    def test_retired_machine_is_told_so_asked_seldom_and_gone_from_the_team(self, server: Server) -> None:
        server.push()
        secret = server.enrol("ws-7")
        server.report(secret, records(a_record(GOOD)), GOOD)
        assert server.ask("POST", "/machines/ws-7/retire", {}, token=server.admin).status == 200
        answer = server.ask("POST", "/checkin", a_checkin(records()), token=secret)
        says(answer, 403, "was retired: ws-7", "stop its agent", "envguard join STRING")
        assert float(answer.headers["retry-after"]) >= 3600
        assert server.team().machines == ()
        (row,) = server.ask("GET", "/machines", token=server.admin).json()["machines"]
        assert row["state"] == "retired"
        says(server.ask("POST", "/machines/ws-7/retire", {}, token=server.admin), 404, "no such machine")

    def test_retired_machine_may_join_again_and_has_what_it_told(self, server: Server) -> None:
        server.push()
        server.report(server.enrol("ws-7"), records(a_record(GOOD)), GOOD)
        server.ask("POST", "/machines/ws-7/retire", {}, token=server.admin)
        server.enrol("ws-7")
        (machine,) = server.team().machines
        assert len(machine.environments) == 1

    def test_its_name_may_pass_to_another(self, server: Server) -> None:
        for number in range(3):
            message = {"token": server.join_token(), "machine": f"m{number}", "name": "ws-7"}
            assert server.ask("POST", "/enroll", message).status == 200
            server.ask("POST", "/machines/ws-7/retire", {}, token=server.admin)
        rows = server.ask("GET", "/machines", token=server.admin).json()["machines"]
        assert len({each["name"] for each in rows}) == 3

    def test_lost_machine_takes_what_was_used_or_made_there_with_it(self, server: Server) -> None:
        join = server.ask("POST", "/tokens", {}, token=server.admin).json()["join"]
        secret = server.enrol("ws-7", join=join)
        there, elsewhere = make(server, "ann", "admin"), make(server, "eve", "admin")
        place = {"envguard_machine": "id-ws-7"}
        made = server.ask("POST", "/tokens", {}, token=there["token"], **place).json()["join"]
        cookie = cookie_of(sign_in(server, there["token"]))
        own = cookie_of(sign_in(server, secret))
        done = server.ask("POST", "/machines/ws-7/retire", {"is_lost": True}, token=server.admin).json()
        assert (len(done["tokens"]), done["sessions"]) == (3, 2)
        says(server.ask("GET", "/policies", token=secret), 403, "given up as lost: ws-7")
        says(server.ask("GET", "/team", token=there["token"]), 401, "revoked: ann's")
        assert server.ask("GET", "/team", token=elsewhere["token"]).status == 200
        for each in (cookie, own):
            assert server.ask("GET", "//", cookie=each).status == 303
        for each in (join, made):
            message = {"token": read_join(each).token, "machine": "thief", "name": "ws-8"}
            says(server.ask("POST", "/enroll", message), 403, "revoked")

    def test_place_that_is_no_machine_of_ours_is_nothing(self, server: Server) -> None:
        ann = make(server)["token"]
        for place in ("x", "x" * 10_000, "id\u00e9"):
            assert server.ask("GET", "/whoami", token=ann, envguard_machine=place).status == 200


def waiting(server: Server, name: str) -> str:
    """Answer the secret of a machine that waits."""
    wish = {"needs_approval": True}
    return server.enrol(name, join=server.ask("POST", "/tokens", wish, token=server.admin).json()["join"])
