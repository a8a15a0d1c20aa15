"""The certificate that machines pin, as the API shows it, and as join strings name it."""

from __future__ import annotations

import msgspec
import pytest

from envguard.server.app import make_app
from envguard.server.joining import new_join
from envguard.wire import read_join
from envguard.wire.certificates import fingerprint_of
from tests.builders.certificates import an_authority
from tests.server.asking import Server, ask, says


def test_authority_is_shown_to_whom_nobody_knows_yet(sqlite_server: Server) -> None:
    authority = an_authority().certificate
    service = msgspec.structs.replace(sqlite_server.service, authority=authority)
    answer = ask(make_app(service), "GET", "/api/v1/ca")
    assert (answer.status, answer.body.decode()) == (200, authority)
    assert read_join(new_join(service)).authority == fingerprint_of(authority)


@pytest.mark.parametrize("token", [None, "guess"])
def test_server_without_one_says_so(sqlite_server: Server, token: str | None) -> None:
    says(sqlite_server.ask("GET", "/ca", token=token), 404, "no authority")
    assert read_join(new_join(sqlite_server.service)).authority is None
