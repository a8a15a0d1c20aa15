"""Each route of the API, and each way in which it says no."""

from __future__ import annotations

import gzip
import sqlite3
import zlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envguard.domain.environment import Problem, digest_of
from envguard.server import service as judging
from envguard.wire import BODY_LIMIT_BYTES, Refusal, read_join
from tests.server.asking import POLICY, Answer, Server, a_checkin, a_record, a_snapshot, records

ROUTES = [
    ("POST", "/enroll"),
    ("POST", "/checkin"),
    ("PUT", "/environments"),
    ("PUT", "/snapshots/sha256:" + "0" * 64),
    ("POST", "/policies"),
    ("POST", "/tokens"),
]
GOOD = a_snapshot(gym="0.26.2")
BAD = a_snapshot(gym="0.25.2")


def says(answer: Answer, status: int, *words: str) -> None:
    refusal = msgspec.json.decode(answer.body, type=Refusal)
    assert answer.status == status, refusal
    for word in words:
        assert word in f"{refusal.error} {refusal.hint}"


class TestLettingIn:
    def test_join_token_gives_a_machine_its_secret(self, server: Server) -> None:
        secret = server.enrol("ws-7")
        assert server.ask("GET", "/policies", token=secret).json() == {"policies": []}

    def test_unknown_join_token_is_refused(self, server: Server) -> None:
        answer = server.ask("POST", "/enroll", {"token": "x", "machine": "m", "name": "ws-7"})
        says(answer, 403, "does not know", "token new")

    def test_expired_join_token_is_refused(self, server: Server) -> None:
        token = server.join_token()
        server.now_s += 7 * 24 * 3600 + 1
        answer = server.ask("POST", "/enroll", {"token": token, "machine": "m", "name": "ws-7"})
        says(answer, 403, "expired")

    def test_used_up_join_token_is_refused(self, server: Server) -> None:
        made = server.ask("POST", "/tokens", {"expires_s": 60, "uses": 1}, token=server.admin)
        token = read_join(made.json()["join"]).token
        first = server.ask("POST", "/enroll", {"token": token, "machine": "m", "name": "ws-7"})
        second = server.ask("POST", "/enroll", {"token": token, "machine": "n", "name": "ws-8"})
        assert first.status == 200
        says(second, 403, "used up")

    def test_known_machine_gets_a_new_secret_and_the_old_one_ends(self, server: Server) -> None:
        old, new = server.enrol("ws-7"), server.enrol("ws-7")
        assert server.ask("GET", "/policies", token=new).status == 200
        says(server.ask("GET", "/policies", token=old), 401, "does not know")

    def test_name_of_another_machine_is_refused_and_costs_no_use(self, server: Server) -> None:
        server.enrol("ws-7")
        made = server.ask("POST", "/tokens", {"uses": 1}, token=server.admin)
        token = read_join(made.json()["join"]).token
        answer = server.ask("POST", "/enroll", {"token": token, "machine": "other", "name": "ws-7"})
        says(answer, 409, "ws-7", "--name")
        again = server.ask("POST", "/enroll", {"token": token, "machine": "other", "name": "ws-8"})
        assert again.status == 200

    @pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x00", "x" * 201])
    def test_name_that_is_none_is_refused(self, server: Server, name: str) -> None:
        message = {"token": server.join_token(), "machine": "m", "name": name}
        says(server.ask("POST", "/enroll", message), 400, "$.name")

    @pytest.mark.parametrize(("method", "path"), [*ROUTES[1:], ("GET", "/team"), ("GET", "/policies/x")])
    def test_no_token_and_wrong_token_are_refused(self, server: Server, method: str, path: str) -> None:
        says(server.ask(method, path), 401, "no token", "export ENVGUARD_TOKEN=", "envguard join STRING")
        says(server.ask(method, path, token="guess"), 401, "does not know", "export ENVGUARD_TOKEN=")

    @pytest.mark.parametrize("path", ["/policies", "/tokens"])
    def test_machine_may_not_do_what_the_admin_may(self, server: Server, path: str) -> None:
        says(server.ask("POST", path, {}, token=server.enrol("ws-7")), 403, "admin")

    @pytest.mark.parametrize(("method", "path"), ROUTES[1:4])
    def test_admin_is_no_machine(self, server: Server, method: str, path: str) -> None:
        says(server.ask(method, path, {}, token=server.admin), 403, "joined machine")

    @pytest.mark.parametrize("wish", [{"uses": 0}, {"expires_s": 0}, {"expires_s": 1e12}, {"uses": "x"}])
    def test_join_string_outside_the_limits_is_refused(self, server: Server, wish: object) -> None:
        says(server.ask("POST", "/tokens", wish, token=server.admin), 400, "$.")

    def test_secrets_are_not_kept_in_clear(self, sqlite_server: Server) -> None:
        server = sqlite_server
        secret, join = server.enrol("ws-7"), server.join_token()
        kept = b"".join(path.read_bytes() for path in server.state.glob("envguard.db*"))
        assert b"id-ws-7" in kept
        assert not any(each.encode() in kept for each in (secret, join, server.admin))


class TestCheckingIn:
    def test_unchanged_checkin_is_under_one_kilobyte_each_way(self, server: Server) -> None:
        secret, held = server.enrol("ws-7"), records(a_record(GOOD))
        server.report(secret, held, GOOD)
        message = msgspec.json.encode(a_checkin(held))
        answer = server.ask("POST", "/checkin", message, token=secret)
        assert answer.json() == {"wants_records": False, "policies_changed": False, "next_in_s": 60.0}
        assert len(message) + 400 < 1000
        assert len(answer.body) + len(str(answer.headers)) < 1000

    def test_server_asks_for_records_that_it_lacks(self, server: Server) -> None:
        secret, held = server.enrol("ws-7"), records(a_record(GOOD))
        assert server.ask("POST", "/checkin", a_checkin(held), token=secret).json()["wants_records"]
        missing = server.ask("PUT", "/environments", held, token=secret).json()["missing"]
        assert missing == [digest_of(GOOD)]

    def test_server_asks_again_while_a_snapshot_is_missing(self, server: Server) -> None:
        secret, held = server.enrol("ws-7"), records(a_record(GOOD))
        server.report(secret, held)
        assert server.ask("POST", "/checkin", a_checkin(held), token=secret).json()["wants_records"]
        server.report(secret, held, GOOD, GOOD)
        assert not server.ask("POST", "/checkin", a_checkin(held), token=secret).json()["wants_records"]

    def test_new_policy_is_announced(self, server: Server) -> None:
        secret, held = server.enrol("ws-7"), records()
        server.push()
        assert server.ask("POST", "/checkin", a_checkin(held), token=secret).json()["policies_changed"]
        known = msgspec.structs.replace(a_checkin(held), policies={"rl-team": 1})
        assert not server.ask("POST", "/checkin", known, token=secret).json()["policies_changed"]

    def test_late_checkins_are_refused_and_repeated_ones_are_not(self, server: Server) -> None:
        secret, held = server.enrol("ws-7"), records()

        def check_in(epoch: str, seq: int) -> Answer:
            return server.ask("POST", "/checkin", a_checkin(held, epoch=epoch, seq=seq), token=secret)

        assert [check_in("a", 5).status, check_in("a", 5).status, check_in("b", 1).status] == [200] * 3
        says(check_in("b", 0), 409, "later")
        says(check_in("a", 6), 409, "join")

    @pytest.mark.parametrize(("protocol", "side"), [(0, "agent"), (2, "server")])
    def test_other_protocol_names_the_side_to_upgrade(self, server: Server, protocol: int, side: str) -> None:
        message = a_checkin(records(), protocol=protocol)
        answer = server.ask("POST", "/checkin", message, token=server.enrol("ws-7"))
        says(answer, 426, f"upgrade the {side}")

    def test_sequence_beyond_the_database_is_refused(self, server: Server) -> None:
        message = msgspec.json.encode(a_checkin(records())).replace(b'"seq":1', b'"seq":99999999999999999999')
        says(server.ask("POST", "/checkin", message, token=server.enrol("ws-7")), 400, "$.seq")

    def test_absent_environment_is_gone_unless_the_look_was_cut_off(self, server: Server) -> None:
        secret = server.enrol("ws-7")
        one, two = a_record(GOOD), a_record(GOOD, "/srv/two")
        server.report(secret, records(one, two), GOOD)
        server.report(secret, records(one, is_incomplete=True))
        assert len(server.team().machines[0].environments) == 2
        server.report(secret, records(one))
        assert len(server.team().machines[0].environments) == 1

    def test_one_path_twice_is_refused(self, server: Server) -> None:
        message = records(a_record(GOOD), a_record(BAD))
        answer = server.ask("PUT", "/environments", message, token=server.enrol("ws-7"))
        says(answer, 400, "twice", "$.records[1].path")


class TestSnapshots:
    @pytest.mark.parametrize(
        ("encoding", "pack"),
        [("deflate", zlib.compress), ("gzip", gzip.compress), ("identity", bytes)],
        ids=["deflate", "gzip", "identity"],
    )
    def test_each_encoding_is_read(self, server: Server, encoding: str, pack: object) -> None:
        assert callable(pack)
        body = pack(msgspec.json.encode(GOOD))
        path = f"/snapshots/{digest_of(GOOD)}"
        token = server.enrol("ws-7")
        assert server.ask("PUT", path, body, token=token, content_encoding=encoding).status == 204

    def test_digest_that_is_another_is_refused(self, server: Server) -> None:
        path = f"/snapshots/{digest_of(BAD)}"
        says(server.ask("PUT", path, GOOD, token=server.enrol("ws-7")), 400, "another digest")
        says(server.ask("PUT", "/snapshots/x", GOOD, token=server.enrol("ws-8")), 400, "digest")

    def test_bomb_is_refused(self, server: Server) -> None:
        bomb = zlib.compress(b" " * (BODY_LIMIT_BYTES + 1))
        path = f"/snapshots/{digest_of(GOOD)}"
        token = server.enrol("ws-7")
        says(server.ask("PUT", path, bomb, token=token, content_encoding="deflate"), 413, "larger")

    def test_too_large_body_is_refused_whether_announced_or_not(self, server: Server) -> None:
        token, path = server.enrol("ws-7"), f"/snapshots/{digest_of(GOOD)}"
        announced = server.ask("PUT", path, b"", token=token, content_length=str(BODY_LIMIT_BYTES + 1))
        says(announced, 413)
        says(server.ask("PUT", path, b" " * (BODY_LIMIT_BYTES + 1), token=token), 413)

    @pytest.mark.parametrize(
        ("encoding", "body", "status"),
        [
            ("deflate", zlib.compress(b"{}")[:-3], 400),
            ("gzip", b"{}", 400),
            ("deflate", zlib.compress(b"{}") + b"x", 400),
            ("br", b"{}", 415),
        ],
        ids=["cut off", "not gzip", "more after it", "unknown"],
    )
    def test_broken_encoding_is_refused(
        self, server: Server, encoding: str, body: bytes, status: int
    ) -> None:
        path = f"/snapshots/{digest_of(GOOD)}"
        token = server.enrol("ws-7")
        says(server.ask("PUT", path, body, token=token, content_encoding=encoding), status)


class TestPolicies:
    def test_push_numbers_revisions_and_same_bytes_keep_theirs(self, server: Server) -> None:
        first, again = server.push().json(), server.push().json()
        third = server.push(POLICY + "# a comment\n").json()
        assert (first["revision"], first["is_new"]) == (1, True)
        assert (again["revision"], again["is_new"]) == (1, False)
        assert (third["revision"], third["is_new"]) == (2, True)
        one = server.ask("GET", "/policies/rl-team", token=server.admin).json()
        assert one["revision"] == 2
        assert server.ask("GET", "/policies", token=server.admin).json() == {"policies": [one]}

    def test_unknown_policy_is_not_found(self, server: Server) -> None:
        says(server.ask("GET", "/policies/none", token=server.admin), 404, "none")
        says(server.ask("GET", "/team?policy=none", token=server.admin), 404, "none")

    def test_push_names_every_problem(self, server: Server) -> None:
        text = 'envguard: 1\nname: rl-team\npackages:\n  gym: "=>1"\n  numpy: "~~2"\n'
        says(server.push(text), 422, "gym", "numpy", "rl-team.yaml:4")

    def test_push_names_what_it_governs(self, server: Server) -> None:
        server.report(server.enrol("ws-7"), records(a_record(GOOD)), GOOD)
        reply = server.push().json()
        assert reply["governs"] == [{"machine": "ws-7", "path": "/home/ann/rl/.venv", "also_on": []}]
        assert reply["holders"] == []

    def test_push_that_governs_none_names_the_holders_of_its_packages(self, server: Server) -> None:
        server.report(server.enrol("ws-7"), records(a_record(GOOD)), GOOD)
        reply = server.push(POLICY.replace('"*"', '"/nowhere/*"')).json()
        assert reply["governs"] == []
        assert reply["holders"] == [{"machine": "ws-7", "path": "/home/ann/rl/.venv", "also_on": []}]

    def test_an_environment_on_a_shared_file_system_is_counted_once(self, server: Server) -> None:
        for name, path in (("ws-7", "/home/ann/rl/.venv"), ("ws-9", "/net/ann/rl/.venv"), ("ws-9", "/a")):
            shared = "nfs:host:/home/ann/rl/.venv" if path != "/a" else None
            held = records(a_record(GOOD, path, shared_as=shared))
            server.report(server.enrol(f"{name}{path.count('/')}"), held, GOOD)
        reply = server.push().json()
        assert [(each["machine"], each["path"], each["also_on"]) for each in reply["governs"]] == [
            ("ws-74", "/home/ann/rl/.venv", ["ws-94"]),
            ("ws-91", "/a", []),
        ]


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


class TestAnswers:
    def test_unknown_route_and_wrong_method(self, server: Server) -> None:
        says(server.ask("GET", "/nothing"), 404, "/nothing")
        says(server.ask("GET", "//nothing"), 404, "/nothing")
        says(server.ask("DELETE", "/team"), 405, "DELETE")

    def test_malformed_json_names_its_place(self, server: Server) -> None:
        says(server.ask("POST", "/enroll", b'{"token": 1}'), 400, "$.token")
        says(server.ask("POST", "/enroll", b"{"), 400, "malformed")
        says(server.ask("POST", "/enroll", b'{"x":' + b"[" * 100_000), 400)

    def test_health(self, server: Server) -> None:
        assert server.ask("GET", "//healthz").json() == {"status": "ok"}

    def test_health_without_a_database(self, sqlite_server: Server, tmp_path: Path) -> None:
        server = sqlite_server
        server.database.close()
        (server.state / "envguard.db").unlink()
        server.state.rename(tmp_path / "away")
        says(server.ask("GET", "//healthz"), 503, "database")

    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.binary(max_size=300) | st.text(max_size=100).map(str.encode), st.sampled_from(ROUTES))
    def test_arbitrary_bodies_are_never_the_servers_failure(
        self, server: Server, body: bytes, route: tuple[str, str]
    ) -> None:
        secret = server.enrol("ws-7")
        for token in (secret, server.admin):
            for encoding in ("identity", "deflate", "gzip"):
                answer = server.ask(*route, body, token=token, content_encoding=encoding)
                assert 400 <= answer.status < 500 or answer.status in (200, 204), answer

    def test_restart_keeps_everything(self, server: Server) -> None:
        server.push()
        secret = server.enrol("ws-7")
        server.report(secret, records(a_record(GOOD)), GOOD)
        before = server.team()
        again = server.again()
        assert again.admin == server.admin
        assert again.team() == before
        assert again.ask("GET", "/policies", token=secret).status == 200
        again.database.close()

    def test_acknowledged_means_synchronous(self, sqlite_server: Server) -> None:
        with sqlite_server.database.reading() as connection:
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert sqlite3.threadsafety > 0


def _facts() -> object:
    return {"os": "Debian GNU/Linux 12", "kernel": "6.1.0"}
