"""What the description allows, and what it does not: no failure of the server, and nothing of others.

``Server.ask`` holds each answer to the description: its status, its kind, and its fields.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok

from envguard.domain.rights import PERSON_ROLES
from envguard.server.openapi import document
from envguard.server.routes import API
from tests.server.asking import BAD, GOOD, Server, a_record, records

MARK = "of-ws-9-alone"

OPERATIONS = [
    each.ok()
    for each in schemathesis.openapi.from_dict(document()).get_all_operations()
    if isinstance(each, Ok)
]
BOUNDED = settings(
    max_examples=80,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def team(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, dict[str, str | None]]]:
    """A server with two machines, and a token of each role."""
    is_sqlite = request.param == "sqlite"
    url = None if is_sqlite else request.getfixturevalue("cluster").new_database()
    server = Server(tmp_path_factory.mktemp("s") / "state", database=url)
    server.push()
    tokens: dict[str, str | None] = {"nobody": None, "guess": "no-such-token"}
    for name, snapshot in (("ws-7", GOOD), ("ws-9", BAD)):
        secret = server.enrol(name, **({MARK: "yes"} if name == "ws-9" else {}))
        path = str(Path("/home/ann", MARK if name == "ws-9" else "rl", ".venv"))
        server.report(secret, records(a_record(snapshot, path)), snapshot)
        tokens["machine"] = tokens.get("machine") or secret
    for role in PERSON_ROLES:
        wish = {"person": f"the {role}", "role": role}
        tokens[role] = server.ask("POST", "/tokens/people", wish, token=server.admin).json()["token"]
    yield server, tokens
    server.database.close()


def cases(mode: GenerationMode) -> st.SearchStrategy[Case[Any]]:
    return st.one_of([each.as_strategy(generation_mode=mode) for each in OPERATIONS])


def body_of(case: Case[Any]) -> bytes:
    body: Any = case.body
    if isinstance(body, bytes):
        return body
    try:
        return msgspec.json.encode(body)
    except TypeError:  # there is none
        return b""


def ask_and_hold(server: Server, tokens: dict[str, str | None], case: Case[Any], role: str) -> int:
    query = urlencode(
        {key: value for key, value in (case.query or {}).items() if value is not None}, doseq=True
    )
    answer = server.ask(case.method, f"{case.formatted_path}?{query}", body_of(case), token=tokens[role])
    assert answer.status < 500
    if role in ("nobody", "guess", "machine"):
        assert MARK.encode() not in answer.body
    return answer.status


@pytest.mark.parametrize(
    ("mode", "expected"),
    [(GenerationMode.POSITIVE, {200, 401}), (GenerationMode.NEGATIVE, {400, 401})],
    ids=["as described", "not as described"],
)
def test_nothing_fails_and_nobody_reads_what_is_of_others(
    team: tuple[Server, dict[str, str | None]], mode: GenerationMode, expected: set[int]
) -> None:
    server, tokens = team
    seen: set[int] = set()

    @BOUNDED
    @given(case=cases(mode), role=st.sampled_from(sorted(tokens)))
    def ask(case: Case[Any], role: str) -> None:
        seen.add(ask_and_hold(server, tokens, case, role))

    ask()
    assert len(OPERATIONS) == len(API)
    assert expected <= seen
