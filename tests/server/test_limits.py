"""How often one may try to get in."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from envguard.server.app import make_app
from envguard.server.limits import EACH, Attempts, Rate, address_of
from envguard.server.refusals import RefusalError
from tests.server.asking import Server, says
from tests.server.test_pages import is_login_page, sign_in

GUESS = {"token": "guess", "machine": "m", "name": "ws-7"}


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def may(attempts: Attempts, address: str = "a") -> bool:
    try:
        attempts.check(address)
    except RefusalError:
        return False
    return True


@given(st.integers(1, 20), st.floats(0.01, 100), st.lists(st.floats(0, 50), max_size=60))
def test_no_more_fail_in_any_time_than_the_rate_says(
    at_once: int, every_s: float, pauses: list[float]
) -> None:
    clock, failed_at = Clock(), []
    attempts = Attempts(clock, each=Rate(at_once, every_s), all_=Rate(10_000, 0.001))
    for pause_s in pauses:
        clock.now_s += pause_s
        if may(attempts):
            attempts.failed("a")
            failed_at.append(clock.now_s)
    for index, first in enumerate(failed_at):
        for count, last in enumerate(failed_at[index:], 1):
            assert count <= at_once + math.floor((last - first) / every_s + 1e-6)


def test_who_waits_as_long_as_told_may_try_again() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    for _ in range(EACH.at_once):
        assert may(attempts)
        attempts.failed("a")
    with pytest.raises(RefusalError) as caught:
        attempts.check("a")
    assert caught.value.headers is not None
    clock.now_s += float(caught.value.headers["Retry-After"])
    assert may(attempts)


def test_one_address_takes_nothing_from_another_until_all_together_are_too_many() -> None:
    attempts = Attempts(Clock(), each=Rate(1, 60), all_=Rate(3, 60))
    attempts.failed("a")
    assert (may(attempts, "a"), may(attempts, "b")) == (False, True)
    for address in "bc":
        attempts.failed(address)
    assert not may(attempts, "d")


def test_memory_is_bounded() -> None:
    attempts = Attempts(Clock(), at_most=100)
    for number in range(1000):
        attempts.failed(f"a{number}")
    assert len(attempts) == 100


def test_clock_that_was_set_back_locks_nobody_out() -> None:
    clock = Clock()
    attempts = Attempts(clock, each=Rate(2, 5))
    for _ in range(2):
        attempts.failed("a")
    clock.now_s -= 900
    assert not may(attempts)
    attempts.failed("a")
    clock.now_s += 11
    assert may(attempts)


def test_guessed_tokens_are_refused_before_they_are_looked_at(sqlite_server: Server) -> None:
    server = sqlite_server
    for _ in range(EACH.at_once):
        assert is_login_page(sign_in(server, "guess"), 403, "does not know")
    answer = sign_in(server, server.admin)
    assert is_login_page(answer, 429, "too many tries")
    assert 0 < int(answer.headers["retry-after"]) <= EACH.every_s
    server.now_s += EACH.every_s
    assert sign_in(server, server.admin).status == 303
    says(server.ask("POST", "/enroll", GUESS), 403, "does not know")


def test_guessed_join_strings_are_refused_and_good_ones_cost_nothing(sqlite_server: Server) -> None:
    server = sqlite_server
    for number in range(EACH.at_once * 2):
        server.enrol(f"ws-{number}")
    for _ in range(EACH.at_once):
        says(server.ask("POST", "/enroll", GUESS), 403, "does not know")
    answer = server.ask("POST", "/enroll", GUESS)
    says(answer, 429, "too many tries", "try again in")
    assert int(answer.headers["retry-after"]) > 0
    assert sign_in(server, server.admin).status == 303


def test_behind_a_proxy_each_client_counts_for_itself(sqlite_server: Server) -> None:
    server = sqlite_server
    service = msgspec.structs.replace(server.service, proxies=frozenset({"127.0.0.1"}))
    server.app = make_app(service)
    for _ in range(EACH.at_once):
        server.ask("POST", "/enroll", GUESS, x_forwarded_for="192.0.2.9, 192.0.2.1")
    assert server.ask("POST", "/enroll", GUESS, x_forwarded_for="192.0.2.1").status == 429
    assert server.ask("POST", "/enroll", GUESS, x_forwarded_for="192.0.2.1, 192.0.2.9").status == 403


@pytest.mark.parametrize(
    ("peer", "told", "place"),
    [
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),  # nobody of ours says it
        ("127.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "10.0.0.1, 198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "nonsense", "127.0.0.1"),
        ("127.0.0.1", None, "127.0.0.1"),
        ("127.0.0.1", "2001:db8::1", "2001:db8::/64"),
        ("::ffff:192.0.2.1", None, "192.0.2.1"),
        ("2001:db8:0:1:ff::1%eth0", None, "2001:db8:0:1::/64"),
    ],
)
def test_address_is_the_last_that_a_proxy_of_ours_was_given(peer: str, told: str | None, place: str) -> None:
    headers = [] if told is None else [(b"x-forwarded-for", told.encode())]
    request = Request({"type": "http", "client": (peer, 1), "headers": headers})
    assert address_of(request, {"127.0.0.1"}) == place
