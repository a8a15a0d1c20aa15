from __future__ import annotations

from pathlib import Path

import pytest

from envguard.client import person_client
from envguard.errors import UsageError
from envguard.state import Identity, open_state

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


def test_nobody_is_told_how_to_become_somebody() -> None:
    with pytest.raises(UsageError) as caught:
        person_client({}, None)
    assert "envguard join" in str(caught.value.hint)
