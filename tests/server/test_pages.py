"""The pages in a browser without scripts."""

from __future__ import annotations

import re
import zlib
from datetime import datetime, timezone
from urllib.parse import urlencode

import msgspec
import pytest

from envguard.server.app import make_app
from tests.server.asking import Answer, Server, a_record, a_snapshot, records

FORM = "application/x-www-form-urlencoded"


def sign_in(server: Server, token: str, **headers: str) -> Answer:
    body = urlencode({"token": token}).encode()
    return server.ask("POST", "//login", body, **{"content_type": FORM, **headers})


def is_login_page(answer: Answer, status: int, *words: str) -> bool:
    """Whether it is the form, with these words above it, and opens nothing."""
    assert "set-cookie" not in answer.headers
    assert answer.headers["content-type"].startswith("text/html")
    assert b"<form" in answer.body
    assert all(word.encode() in answer.body for word in words), answer.body
    return answer.status == status


def cookie_of(answer: Answer) -> str:
    return answer.headers["set-cookie"].partition(";")[0]


def sign_out(server: Server, cookie: str, **headers: str) -> Answer:
    """Press the button of the page."""
    page = server.ask("GET", "//", cookie=cookie)
    found = re.search(rb'name="key" value="([0-9a-f]{64})"', page.body)
    body = urlencode({"key": found[1].decode() if found else ""}).encode()
    return server.ask("POST", "//logout", body, **{"content_type": FORM, "cookie": cookie, **headers})


def test_page_needs_a_session(server: Server) -> None:
    answer = server.ask("GET", "//")
    assert (answer.status, answer.headers["location"]) == (303, "/login")
    assert server.ask("GET", "//login").status == 200


def test_wrong_token_opens_nothing(server: Server) -> None:
    answer = sign_in(server, "guess")
    assert answer.status == 403
    assert b"does not know" in answer.body
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("body", "content_type", "status", "words"),
    [
        pytest.param(b"", FORM, 400, "no token", id="empty"),
        pytest.param(b"token=", FORM, 400, "no token", id="empty token"),
        pytest.param(b"token=+%0a", FORM, 400, "no token", id="blank token"),
        pytest.param(b"name=ann", FORM, 400, "no token", id="no token"),
        pytest.param(b"&".join([b"a=b"] * 100), FORM, 400, "no token", id="many fields"),
        pytest.param(b"token=a%00b%1b%5b31m", FORM, 403, "does not know", id="control characters"),
        pytest.param(b"token=%ff%fe", FORM, 403, "does not know", id="not UTF-8"),
        pytest.param(b"token=" + b"x" * 5000, FORM, 413, "larger", id="too large"),
        pytest.param(b'{"token": "x"}', "application/json", 415, "form", id="JSON"),
        pytest.param(b"token=x", "text/plain", 415, "form", id="text"),
        pytest.param(b"token=x", "", 415, "form", id="unnamed"),
    ],
)
def test_what_is_no_sign_in_gets_the_form_again(
    sqlite_server: Server, body: bytes, content_type: str, status: int, words: str
) -> None:
    answer = sqlite_server.ask("POST", "//login", body, content_type=content_type)
    assert is_login_page(answer, status, words)
    assert b"\x1b" not in answer.body


def test_packed_sign_in_is_no_way_round_the_limit(sqlite_server: Server) -> None:
    packed = zlib.compress(b"token=" + b"x" * 100_000)
    answer = sqlite_server.ask("POST", "//login", packed, content_type=FORM, content_encoding="deflate")
    assert is_login_page(answer, 413, "larger")


def test_form_may_name_its_charset_and_blanks_around_a_token_do_not_count(sqlite_server: Server) -> None:
    answer = sign_in(sqlite_server, f" {sqlite_server.admin}\r\n", content_type=f"{FORM}; charset=UTF-8")
    assert answer.status == 303


def test_cookie_is_out_of_reach_of_scripts_and_other_sites(sqlite_server: Server) -> None:
    cookie = sign_in(sqlite_server, sqlite_server.admin).headers["set-cookie"].lower()
    flags = {flag.strip() for flag in cookie.split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/", "max-age=43200"} <= flags
    assert "secure" not in flags


def test_cookie_of_a_server_behind_tls_never_goes_over_plain_http(sqlite_server: Server) -> None:
    service = msgspec.structs.replace(sqlite_server.service, url="https://envguard.example")
    sqlite_server.app = make_app(service)
    assert "; secure" in sign_in(sqlite_server, sqlite_server.admin).headers["set-cookie"].lower()


@pytest.mark.parametrize(
    ("origin", "host", "status"),
    [
        ("http://127.0.0.1:8750", "127.0.0.1:8750", 303),
        ("http://LOCALHOST:8750", "localhost:8750", 303),
        ("https://envguard.example", "envguard.example", 303),
        ("https://envguard.example", "envguard.example:443", 303),
        ("https://public.example", "127.0.0.1:8750", 303),  # the server's own --url: a proxy changed Host
        ("http://evil.example", "127.0.0.1:8750", 403),
        ("http://127.0.0.1:1", "127.0.0.1:8750", 403),
        ("https://public.example.evil.example", "127.0.0.1:8750", 403),
        ("http://[", "127.0.0.1:8750", 403),
        ("http://127.0.0.1:port", "127.0.0.1:8750", 403),
        ("null", "127.0.0.1:8750", 403),
    ],
)
def test_other_sites_sign_nobody_in_or_out(
    sqlite_server: Server, origin: str, host: str, status: int
) -> None:
    server = sqlite_server
    server.app = make_app(msgspec.structs.replace(server.service, url="https://public.example"))
    cookie = cookie_of(sign_in(server, server.admin))
    answer = sign_in(server, server.admin, origin=origin, host=host)
    assert (answer.status, "set-cookie" in answer.headers) == (status, status == 303)
    ended = sign_out(server, cookie, origin=origin, host=host)
    assert ended.status == status
    assert server.ask("GET", "//", cookie=cookie).status == (303 if status == 303 else 200)


def test_form_that_is_not_of_this_sessions_page_signs_nobody_out(sqlite_server: Server) -> None:
    server = sqlite_server
    cookie, other = (cookie_of(sign_in(server, server.admin)) for _ in range(2))
    key = re.search(rb'value="([0-9a-f]{64})"', server.ask("GET", "//", cookie=other).body)
    assert key is not None
    for form in ({}, {"key": ""}, {"key": "0" * 64}, {"key": key[1].decode()}):
        body = urlencode(form).encode()
        assert server.ask("POST", "//logout", body, content_type=FORM, cookie=cookie).status == 403
    assert server.ask("GET", "//", cookie=cookie).status == 200


@pytest.mark.parametrize(("site", "status"), [("same-origin", 303), ("none", 303), ("cross-site", 403)])
def test_browser_that_says_where_a_form_comes_from_is_believed(
    sqlite_server: Server, site: str, status: int
) -> None:
    answer = sign_in(sqlite_server, sqlite_server.admin, sec_fetch_site=site)
    assert (answer.status, "set-cookie" in answer.headers) == (status, status == 303)


def test_browsers_are_not_told_to_hide_the_pages_own_origin(sqlite_server: Server) -> None:
    # With `no-referrer` they would send `Origin: null` with our own form too.
    assert sqlite_server.ask("GET", "//login").headers["referrer-policy"] == "same-origin"


def test_page_shows_causes_and_escapes_what_machines_say(server: Server) -> None:
    server.push()
    bad = a_snapshot(gym="<script>alert(1)</script>")
    server.report(server.enrol("<b>ws-7</b>"), records(a_record(bad)), bad)
    answer = server.ask("GET", "//", cookie=cookie_of(sign_in(server, server.admin)))
    assert answer.status == 200
    assert b"<script" not in answer.body
    assert b"<b>" not in answer.body
    assert b"&lt;b&gt;ws-7" in answer.body
    assert b"never matched" in answer.body
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_page_shows_what_is_waived_apart_and_what_waits(server: Server) -> None:
    server.push()
    secret, bad = server.enrol("ws-7"), a_snapshot(gym="0.25.2")
    server.report(secret, records(a_record(bad)), bad)
    until = datetime.fromtimestamp(server.now_s + 3600, timezone.utc)
    request = {"policy": "rl-team", "package": "gym", "until": until, "reason": "<i>exam</i>"}
    assert server.ask("POST", "/waivers", request, token=secret).status == 200
    cookie = cookie_of(sign_in(server, server.admin))
    waiting = server.ask("GET", "//", cookie=cookie).body
    assert b"ws-7 asks to differ in gym from rl-team: <code>envguard waivers approve 1</code>" in waiting
    assert b"Drift, by cause" in waiting
    assert server.ask("POST", "/waivers/1/approve", {}, token=server.admin).status == 200
    waived = server.ask("GET", "//", cookie=cookie).body
    assert b"Waived: does not count" in waived
    assert b"UTC by admin: &lt;i&gt;exam" in waived
    assert b"Drift, by cause" not in waived
    assert b"Waits for a lead" not in waived


def test_session_ends_by_sign_out_and_after_twelve_hours(server: Server) -> None:
    first = cookie_of(sign_in(server, server.admin))
    assert sign_out(server, first).status == 303
    assert server.ask("GET", "//", cookie=first).status == 303
    second = cookie_of(sign_in(server, server.admin))
    assert server.ask("GET", "//", cookie=second).status == 200
    server.now_s += 12 * 3600
    expired = server.ask("GET", "//", cookie=second)
    assert (expired.status, expired.headers["location"]) == (303, "/login")


def test_session_ends_with_its_token(server: Server) -> None:
    cookie = cookie_of(sign_in(server, server.enrol("ws-7")))
    assert server.ask("GET", "//", cookie=cookie).status == 200
    server.enrol("ws-7")  # it joined again: the secret from before lets nobody in
    ended = server.ask("GET", "//", cookie=cookie)
    assert (ended.status, ended.headers["location"]) == (303, "/login")


def test_style_is_a_file_of_its_own(server: Server) -> None:
    assert server.ask("GET", "//static/style.css").status == 200
