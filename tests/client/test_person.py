from __future__ import annotations

from pathlib import Path

import pytest

from envguard.client import ServerClient, person_client
from envguard.errors import StateError, UsageError
from envguard.state import Identity, Login, forget_login, keep_login, open_state, read_login

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
LOGIN = Login(url="https://l.example", token="kept")


def sent(client: ServerClient) -> dict[str, str]:
    """What each of its requests carries."""
    return client._headers(has_body=False, encoding=None)


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


@pytest.mark.parametrize(
    ("environ", "url", "token"),
    [
        ({}, "https://l.example", "kept"),
        ({"ENVGUARD_TOKEN": "mine"}, "https://l.example", "mine"),
        ({"ENVGUARD_SERVER": "https://l.example/"}, "https://l.example", "kept"),
        ({"ENVGUARD_SERVER": "https://t.example", "ENVGUARD_TOKEN": "t"}, "https://t.example", "t"),
        ({"ENVGUARD_SERVER": "", "ENVGUARD_TOKEN": ""}, "https://l.example", "kept"),
    ],
    ids=str,
)
def test_variables_go_before_the_login_and_that_before_what_was_joined(
    tmp_path: Path, environ: dict[str, str], url: str, token: str
) -> None:
    state = open_state(tmp_path)
    state.join(JOINED, "secret")
    client = person_client(environ, state, lambda: LOGIN)
    assert (client.url, sent(client)["Authorization"]) == (url, f"Bearer {token}")


def test_kept_token_never_goes_to_another_server() -> None:
    with pytest.raises(UsageError, match="ENVGUARD_TOKEN"):
        person_client({"ENVGUARD_SERVER": "https://other.example"}, None, lambda: LOGIN)


def test_machine_is_named_to_its_own_server_only(tmp_path: Path) -> None:
    state = open_state(tmp_path)
    state.join(JOINED, "secret")
    for url, place in (("https://s.example/", "m"), ("https://t.example", None)):
        environ = {"ENVGUARD_SERVER": url, "ENVGUARD_TOKEN": "t"}
        assert sent(person_client(environ, state)).get("Envguard-Machine") == place
    assert "Envguard-Machine" not in sent(person_client({}, state))


def test_login_is_kept_for_its_owner_alone_and_an_open_one_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "config" / "login.json"
    assert (read_login(file), forget_login(file)) == (None, False)
    keep_login(LOGIN, file)
    assert read_login(file) == LOGIN
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    file.chmod(0o640)
    with pytest.raises(StateError, match="others may read"):
        read_login(file)
    assert forget_login(file)
    assert not file.exists()
