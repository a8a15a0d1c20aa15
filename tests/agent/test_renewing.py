"""A machine's secret gives way to another; wherever that is cut off, the machine is not locked out."""

from __future__ import annotations

import itertools
from pathlib import Path

import msgspec
import pytest

from envguard.agent.renewing import finish_renewal, renew_secret
from envguard.client import ServerClient
from envguard.errors import RefusedError, TransportError
from envguard.state import State, open_state
from envguard.wire import SecretReply
from tests.client.fake_server import Asked, FakeServer, Told, serving

POINTS = ("before asking", "offered, answer lost", "before using", "used, answer lost", "used")


class Keeper:
    """Keeps a machine's secret as a server does."""

    def __init__(self) -> None:
        self.current, self.offered = "s0", ""
        self._numbers = itertools.count(1)
        self.is_mute = False

    def answer(self, asked: Asked) -> Told:
        told = self._answer(asked)
        return Told(status=503, body=b"") if self.is_mute else told

    def _answer(self, asked: Asked) -> Told:
        secret = asked.headers["Authorization"].removeprefix("Bearer ")
        if asked.path == "/api/v1/secret/use":
            if secret not in (self.current, self.offered):
                return Told(status=401, body=b'{"error": "not offered"}')
            self.current = secret
            return Told(status=204, body=b"")
        if secret != self.current:
            return Told(status=401, body=b'{"error": "unknown"}')
        self.offered = f"s{next(self._numbers)}"
        return Told(body=msgspec.json.encode(SecretReply(self.offered)))


class CutOff(BaseException):
    """The process is gone."""


class Cut(ServerClient):
    """A client whose process ends at one point."""

    point = ""
    keeper: Keeper

    def new_secret(self) -> str:
        self._end_at("before asking")
        secret = super().new_secret()
        self._end_at("offered, answer lost")
        return secret

    def use_secret(self) -> None:
        self._end_at("before using")
        super().use_secret()
        self._end_at("used, answer lost")

    def _end_at(self, point: str) -> None:
        if self.point == point:
            raise CutOff


def a_state(folder: Path) -> State:
    state = open_state(folder)
    (folder / "secret").write_text("s0\n")
    return state


def renew(state: State, server: FakeServer, point: str = "") -> None:
    """One round's renewal by a fresh process, which ends at this point."""

    def connect(secret: str) -> ServerClient:
        client = Cut(server.url, token=secret)
        client.point = point
        return client

    secret = state.secret()
    assert secret is not None
    client = finish_renewal(state, connect) or connect(secret)
    renew_secret(state, client, connect)


@pytest.mark.parametrize("point", POINTS)
def test_cut_at_any_point_locks_nobody_out(tmp_path: Path, point: str) -> None:
    state, keeper = a_state(tmp_path / "s"), Keeper()
    with serving(keeper.answer) as server:
        try:
            renew(state, server, point)
        except CutOff:
            assert point != "used"
        assert keeper.current in (state.secret(), state.next_secret())
        renew(state, server)
        assert (state.secret(), state.next_secret()) == (keeper.current, None)
        assert keeper.current != "s0"


def test_answers_that_are_lost_leave_one_that_lets_in(tmp_path: Path) -> None:
    state, keeper = a_state(tmp_path / "s"), Keeper()
    with serving(keeper.answer) as server:
        client = ServerClient(server.url, token="s0")
        keeper.is_mute = True
        assert renew_secret(state, client, lambda secret: ServerClient(server.url, token=secret)) is client
        assert (state.secret(), state.next_secret()) == ("s0", None)
        keeper.is_mute = False
        state.keep_next_secret(client.new_secret())
        keeper.is_mute = True
        with pytest.raises(TransportError):
            finish_renewal(state, lambda secret: ServerClient(server.url, token=secret))
        assert keeper.current == state.next_secret() != state.secret()
        keeper.is_mute = False
        assert finish_renewal(state, lambda secret: ServerClient(server.url, token=secret)) is not None
        assert (state.secret(), state.next_secret()) == (keeper.current, None)


def test_secret_that_was_not_offered_is_forgotten(tmp_path: Path) -> None:
    state, keeper = a_state(tmp_path / "s"), Keeper()
    state.keep_next_secret("torn")
    with serving(keeper.answer) as server:
        assert finish_renewal(state, lambda secret: ServerClient(server.url, token=secret)) is None
        assert (state.secret(), state.next_secret()) == ("s0", None)


def test_secrets_are_for_their_owner_alone(tmp_path: Path) -> None:
    state = a_state(tmp_path / "s")
    state.keep_next_secret("s1")
    assert (state.path / "secret.next").stat().st_mode & 0o777 == 0o600
    state.take_next_secret()
    assert (state.path / "secret").stat().st_mode & 0o777 == 0o600


def test_refused_offer_is_no_failure_of_the_round(tmp_path: Path) -> None:
    state, keeper = a_state(tmp_path / "s"), Keeper()
    keeper.current = "another"
    with serving(keeper.answer) as server:
        client = ServerClient(server.url, token="s0")
        with pytest.raises(RefusedError):
            client.new_secret()
        assert renew_secret(state, client, lambda secret: ServerClient(server.url, token=secret)) is client
