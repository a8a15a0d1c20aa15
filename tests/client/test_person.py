from __future__ import annotations

from pathlib import Path

import pytest

from envguard.client import person_client
from envguard.errors import UsageError
from envguard.state import Identity, open_state

TOKENS_THAT_ARE_NONE = [
    "",
    "hunter 2",
    " hunter2",
    "hunter2\n",
    "hunter2\r",
    "hun\thunter2",
    "hunter2\x00",
    "hunter2\x1b[31m",
    "hünter2hunter",
    "hunter\u2713",
    "hunter\udcff",
]
JOINED = Identity(machine="m", name="ws", url="https://s.example", interval_s=60)


def test_person_is_asked_for_by_environment_variables() -> None:
    environ = {"ENVGUARD_SERVER": "https://t.example", "ENVGUARD_TOKEN": "t"}
    assert person_client(environ, None).url == "https://t.example"


def test_joined_machine_speaks_where_no_person_does(tmp_path: Path) -> None:
    state = open_state(tmp_path)
    state.join(JOINED, "secret")
    assert person_client({}, state).url == JOINED.url


def test_machines_secret_never_goes_to_another_server(tmp_path: Path) -> None:
    state = open_state(tmp_path)
    state.join(JOINED, "secret")
    with pytest.raises(UsageError, match="ENVGUARD_TOKEN"):
        person_client({"ENVGUARD_SERVER": "https://other.example"}, state)


@pytest.mark.parametrize("token", TOKENS_THAT_ARE_NONE)
def test_token_that_no_header_may_carry_is_refused_by_its_variable(token: str) -> None:
    environ = {"ENVGUARD_SERVER": "https://s.example", "ENVGUARD_TOKEN": token}
    with pytest.raises(UsageError) as caught:
        person_client(environ, None)
    assert "hunter" not in f"{caught.value} {caught.value.hint}"
    if token:
        assert caught.value.where == "ENVGUARD_TOKEN"


def test_server_that_is_none_is_refused_by_its_variable() -> None:
    with pytest.raises(UsageError) as caught:
        person_client({"ENVGUARD_SERVER": "http://s.example", "ENVGUARD_TOKEN": "t"}, None)
    assert caught.value.where == "ENVGUARD_SERVER"


def test_nobody_is_told_how_to_become_somebody() -> None:
    with pytest.raises(UsageError) as caught:
        person_client({}, None)
    assert "envguard join" in str(caught.value.hint)
