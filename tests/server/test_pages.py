"""The pages in a browser without scripts."""

from __future__ import annotations

from urllib.parse import urlencode

from tests.server.asking import Answer, Server, a_record, a_snapshot, records


def sign_in(server: Server, token: str) -> Answer:
    return server.ask("POST", "//login", urlencode({"token": token}).encode())


def cookie_of(answer: Answer) -> str:
    return answer.headers["set-cookie"].partition(";")[0]


def test_page_needs_a_session(server: Server) -> None:
    answer = server.ask("GET", "//")
    assert (answer.status, answer.headers["location"]) == (303, "/login")
    assert server.ask("GET", "//login").status == 200


def test_wrong_token_opens_nothing(server: Server) -> None:
    answer = sign_in(server, "guess")
    assert answer.status == 403
    assert b"does not know" in answer.body
    assert "set-cookie" not in answer.headers


def test_cookie_is_out_of_reach_of_scripts_and_other_sites(server: Server) -> None:
    cookie = sign_in(server, server.admin).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


def test_page_shows_causes_and_escapes_what_machines_say(server: Server) -> None:
    server.push()
    bad = a_snapshot(gym="<script>alert(1)</script>")
    server.report(server.enrol("<b>ws-7</b>"), records(a_record(bad)), bad)
    answer = server.ask("GET", "//", cookie=cookie_of(sign_in(server, server.admin)))
    assert answer.status == 200
    assert b"<script" not in answer.body
    assert b"<b>" not in answer.body
    assert b"&lt;b&gt;ws-7" in answer.body
    assert b"never-matched" in answer.body
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_session_ends_by_sign_out_and_after_twelve_hours(server: Server) -> None:
    first = cookie_of(sign_in(server, server.admin))
    assert server.ask("POST", "//logout", cookie=first).status == 303
    assert server.ask("GET", "//", cookie=first).status == 303
    second = cookie_of(sign_in(server, server.admin))
    assert server.ask("GET", "//", cookie=second).status == 200
    server.now_s += 12 * 3600
    assert server.ask("GET", "//", cookie=second).status == 303


def test_style_is_a_file_of_its_own(server: Server) -> None:
    assert server.ask("GET", "//static/style.css").status == 200
