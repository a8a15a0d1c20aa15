"""Meetings of ranks on the server: notes that are written once, seen by all, and gone after a day."""

from __future__ import annotations

import zlib
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from starlette.routing import Route

from envguard.server.api_ranks import Limits, RanksApi
from envguard.server.app import App
from envguard.wire import RankNames, RankNote, RankNoteReply, RankNotes
from tests.server.asking import Answer, Server, says

MEETING = "0123456789abcdef" * 2
PATH = f"/ranks/{MEETING}"
DAY_S = 24 * 3600


def write(
    server: Server, *notes: tuple[str, str], token: str | None = None, drop: tuple[str, ...] = ()
) -> Answer:
    message = RankNotes(notes=tuple(RankNote(*each) for each in notes), drop=drop)
    return server.ask("POST", PATH, message, token=token or server.admin)


def names(server: Server, token: str | None = None, path: str = PATH) -> tuple[str, ...]:
    answer = server.ask("GET", path, token=token or server.admin)
    assert answer.status == 200, answer
    return msgspec.json.decode(answer.body, type=RankNames).names


def read(server: Server, name: str, token: str | None = None) -> str | None:
    answer = server.ask("GET", f"{PATH}/{name}", token=token or server.admin)
    assert answer.status == 200, answer
    return msgspec.json.decode(answer.body, type=RankNoteReply).text


def test_what_one_writes_all_see(server: Server) -> None:
    tokens = [server.admin, server.enrol("ws-7"), server.enrol("ws-9")]
    for number, token in enumerate(tokens):
        assert write(server, (f"hello.{number}.ab", f"I am {number}: é\n"), token=token).status == 200
    for token in tokens:
        assert names(server, token) == ("hello.0.ab", "hello.1.ab", "hello.2.ab")
        assert [read(server, name, token) for name in names(server, token)] == [
            f"I am {each}: é\n" for each in range(3)
        ]
        assert read(server, "hello.3.ab", token) is None
    assert names(server, path="/ranks/" + "f" * 32) == ()


def test_a_note_is_written_once(server: Server) -> None:
    assert [write(server, ("final.ab", "x")).status for _ in range(2)] == [200, 200]
    says(
        write(server, ("hello.1.ab", "z"), ("final.ab", "y")),
        409,
        "another note lies there already: final.ab",
    )
    assert (names(server), read(server, "final.ab")) == (("final.ab",), "x")


def test_notes_are_dropped_by_their_names(server: Server) -> None:
    write(server, *((f"hello.{number}.ab", "x") for number in range(1200)))
    gone = tuple(f"hello.{number}.ab" for number in range(1199))
    write(server, ("ack.1.ab.cd", "y"), drop=(*gone, "final.ab"))
    assert names(server) == ("ack.1.ab.cd", "hello.1199.ab")


def test_after_a_day_notes_are_gone_with_the_next_that_comes(server: Server) -> None:
    write(server, ("final.ab", "x"))
    server.now_s += DAY_S - 1
    write(server, ("final.cd", "x"))
    assert names(server) == ("final.ab", "final.cd")
    server.now_s += 1
    write(server, ("final.ef", "x"))
    assert names(server) == ("final.cd", "final.ef")


@pytest.mark.parametrize("meeting", ["x", "0" * 31, "0" * 33, "F" * 32, "..%2f", "%00"])
def test_a_meeting_that_is_none_is_refused(sqlite_server: Server, meeting: str) -> None:
    server = sqlite_server
    for method, path in (("GET", meeting), ("POST", meeting), ("GET", f"{meeting}/final.ab")):
        body = b"{}" if method == "POST" else b""
        assert server.ask(method, f"/ranks/{path}", body, token=server.admin).status == 404


@pytest.mark.parametrize(
    "name",
    ["", "final", "Final.ab", "final.AB", "final.", "a.b.c.d.e", "final.ab\n", "é.ab", "x" * 300],
)
def test_a_name_that_is_none_is_refused(sqlite_server: Server, name: str) -> None:
    says(write(sqlite_server, (name, "x")), 400, "not a note's name")
    says(write(sqlite_server, drop=(name,)), 400, "not a note's name")


def test_sizes_have_their_limits(server: Server) -> None:
    limit = 1024 * 1024
    assert write(server, ("listing.ab", "x" * limit)).status == 200
    says(write(server, ("listing.cd", "x" * (limit + 1))), 413, "a note is 1 to 1048576 bytes: listing.cd")
    says(write(server, ("listing.cd", "")), 413, "a note is 1 to")
    message = msgspec.json.encode(RankNotes(notes=(RankNote("listing.ef", "x" * (9 * limit)),)))
    zipped = server.ask("POST", PATH, zlib.compress(message), token=server.admin, content_encoding="deflate")
    assert zipped.status == 413


def test_meetings_have_their_limits(server: Server) -> None:
    whole, secret = server.app, server.enrol("ws-7")

    def limited(**limits: int) -> None:
        api = RanksApi(server.service, Limits(**limits))
        route = Route("/api/v1/ranks/{meeting}", api.write, methods=["POST"])
        server.app = App(server.service, [route])

    limited(meeting_notes=2)
    assert write(server, ("hello.1.ab", "x" * 100), ("hello.2.ab", "x")).status == 200
    says(write(server, ("hello.3.ab", "x")), 409, "too much for one meeting", "ENVGUARD_RANKS=DIR")
    limited(meeting_bytes=110)
    says(write(server, ("hello.3.ab", "x" * 20)), 409, "too much for one meeting")
    limited(author_bytes=110)
    says(write(server, ("hello.3.ab", "x" * 20)), 409, "too much for one day from here")
    assert write(server, ("hello.4.ab", "x" * 20), token=secret).status == 200
    server.app = whole
    assert names(server) == ("hello.1.ab", "hello.2.ab", "hello.4.ab")


def test_who_has_no_token_does_not_meet(server: Server) -> None:
    write(server, ("final.ab", "x"))
    for method, path in (("GET", PATH), ("POST", PATH), ("GET", f"{PATH}/final.ab")):
        for token in (None, "wrong"):
            assert server.ask(method, path, b"{}" if method == "POST" else b"", token=token).status == 401


def test_many_at_once_lose_nothing(server: Server) -> None:
    server.now_s += 1
    with ThreadPoolExecutor(8) as pool:
        started = [
            pool.submit(write, server, (f"hello.{number}.ab", "x"), ("listing.ab", "l"))
            for number in range(24)
        ]
    answers = [each.result() for each in started]
    assert {each.status for each in answers} == {200}
    assert len(names(server)) == 25
