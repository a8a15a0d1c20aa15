"""What machines report: check-ins and snapshots, and each way in which they are refused."""

from __future__ import annotations

import gzip
import zlib

import msgspec
import pytest

from envguard.domain.environment import digest_of
from envguard.wire import BODY_LIMIT_BYTES
from tests.server.asking import (
    BAD,
    GOOD,
    Answer,
    Server,
    a_checkin,
    a_record,
    records,
    says,
)


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
