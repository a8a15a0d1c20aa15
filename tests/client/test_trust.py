"""By what a server is known: real handshakes with servers that are the right one, and that are not."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from envguard.agent import join
from envguard.client import ServerClient, fetch_authority, machine_client, person_client
from envguard.client.exchange import Timeouts
from envguard.client.trust import pinned
from envguard.errors import StateError, TransportError, UsageError
from envguard.server.tls.names import Names
from envguard.state import State, open_state
from envguard.wire import JoinString, write_join
from envguard.wire.certificates import fingerprint_of
from tests.builders.certificates import Authority, an_authority, context_with, now
from tests.client.fake_server import Asked, FakeServer, Told, serving

QUICK = Timeouts(connect_s=2.0, silence_s=2.0, total_s=4.0)
ENROLLED = b'{"secret": "machine-secret", "interval_s": 30}'
OTHER_AUTHORITY = an_authority()


@pytest.fixture(scope="module")
def authority() -> Authority:
    return an_authority()


def showing(certificate: str) -> Callable[[Asked], Told]:
    """Answer as a server does that shows this authority and lets everybody in."""

    def answer(asked: Asked) -> Told:
        if asked.path == "/api/v1/ca":
            return Told(body=certificate.encode())
        return Told(body=ENROLLED if asked.path == "/api/v1/enroll" else b'{"policies": []}')

    return answer


@contextmanager
def a_server(folder: Path, shown: str, certificate: str) -> Iterator[FakeServer]:
    with serving(showing(shown), context_with(folder, certificate)) as server:
        yield server


def joined_to(server: FakeServer, folder: Path, authority: Authority) -> State:
    state = open_state(folder / "state")
    text = write_join(JoinString(server.url, "join-token", fingerprint_of(authority.certificate)))
    join(text, state=state, name="ws-7")
    return state


def test_machine_that_joined_keeps_to_its_authority(tmp_path: Path, authority: Authority) -> None:
    with a_server(tmp_path, authority.certificate, authority.signed()) as server:
        state = joined_to(server, tmp_path, authority)
        assert machine_client(state, "machine-secret").policies() == ()
        assert person_client({}, state).policies() == ()
    assert [each.path for each in server.asked[:2]] == ["/api/v1/ca", "/api/v1/enroll"]
    assert "join-token" not in str(server.asked[0])
    assert state.authority() == authority.certificate
    assert stat.S_IMODE(state.authority_file.stat().st_mode) == 0o644
    assert stat.S_IMODE((state.path / "secret").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "shown",
    [OTHER_AUTHORITY.certificate, "<html>", "", "-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----"],
    ids=["another authority", "a page", "nothing", "empty"],
)
def test_server_that_shows_another_authority_gets_no_token(
    tmp_path: Path, authority: Authority, shown: str
) -> None:
    with a_server(tmp_path, shown, OTHER_AUTHORITY.signed()) as server:
        with pytest.raises(TransportError, match="authority") as caught:
            joined_to(server, tmp_path, authority)
        assert [each.path for each in server.asked] == ["/api/v1/ca"]
    assert "join-token" not in f"{server.asked} {caught.value} {caught.value.hint}"
    assert not (tmp_path / "state" / "identity.json").exists()


def test_one_in_between_that_shows_the_right_authority_gets_no_token(
    tmp_path: Path, authority: Authority
) -> None:
    """The authority's certificate is public: only its signature proves something."""
    with a_server(tmp_path, authority.certificate, OTHER_AUTHORITY.signed()) as server:
        with pytest.raises(TransportError, match="not trusted") as caught:
            joined_to(server, tmp_path, authority)
        assert [each.path for each in server.asked] == ["/api/v1/ca"]
    assert "this machine joined it by" in str(caught.value.hint)


def test_what_is_shown_beside_the_authority_is_not_kept(tmp_path: Path, authority: Authority) -> None:
    both = OTHER_AUTHORITY.certificate + authority.certificate
    with a_server(tmp_path, both, authority.signed()) as server, pytest.raises(TransportError):
        fetch_authority(server.url, fingerprint_of(authority.certificate), timeouts=QUICK)
    both = f"# shown\n{authority.certificate}{OTHER_AUTHORITY.certificate}"
    with a_server(tmp_path, both, authority.signed()) as server:
        kept = fetch_authority(server.url, fingerprint_of(authority.certificate), timeouts=QUICK)
    assert kept == authority.certificate


def test_pin_for_an_address_without_tls_is_refused() -> None:
    with pytest.raises(UsageError, match="without TLS"):
        fetch_authority("http://127.0.0.1:1", "sha256:0")


def asking(server: FakeServer, authority: Authority, url: str | None = None) -> TransportError:
    """Answer why a machine that pinned this authority gets no answer."""
    client = ServerClient(
        url or server.url, token="secret", timeouts=QUICK, trust=pinned(authority.certificate)
    )
    with pytest.raises(TransportError) as caught:
        client.policies()
    assert server.asked == []  # no request, so no secret
    return caught.value


@pytest.mark.parametrize(
    ("late", "names", "words", "hint"),
    [
        (timedelta(days=-9), None, "expired", "clock"),
        (timedelta(days=9), None, "not valid yet", "clock"),
        (timedelta(), Names((), ("127.0.0.9",)), "for another address", "for this address"),
    ],
    ids=["expired", "not yet", "address"],
)
def test_certificate_that_does_not_serve_is_said(
    tmp_path: Path, authority: Authority, late: timedelta, names: Names | None, words: str, hint: str
) -> None:
    certificate = authority.signed(*([names] if names else []), at=now() + late)
    with a_server(tmp_path, authority.certificate, certificate) as server:
        error = asking(server, authority)
    assert words in str(error)
    assert hint in str(error.hint)


def test_name_is_checked_as_well_as_the_authority(tmp_path: Path, authority: Authority) -> None:
    certificate = authority.signed(Names(("envguard.example",), ("127.0.0.1",)))
    with a_server(tmp_path, authority.certificate, certificate) as server:
        error = asking(server, authority, server.url.replace("127.0.0.1", "localhost"))
    assert "for another name" in str(error)


def test_pinned_server_is_not_known_by_what_the_system_trusts(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor by what the shell says: conda sets SSL_CERT_FILE."""
    others = tmp_path / "others.pem"
    others.write_text(OTHER_AUTHORITY.certificate)
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(others))
    with a_server(tmp_path, OTHER_AUTHORITY.certificate, OTHER_AUTHORITY.signed()) as server:
        assert "not trusted" in str(asking(server, authority))
        with pytest.raises(TransportError, match="not trusted"):
            ServerClient(server.url, token="secret", timeouts=QUICK).policies()
    assert server.asked == []


@pytest.mark.parametrize("content", [None, "", OTHER_AUTHORITY.certificate], ids=["gone", "empty", "another"])
def test_server_is_never_known_by_less_than_it_was_pinned_by(
    tmp_path: Path, authority: Authority, content: str | None
) -> None:
    with a_server(tmp_path, authority.certificate, authority.signed()) as server:
        state = joined_to(server, tmp_path, authority)
        state.authority_file.unlink()
        if content is not None:
            state.authority_file.write_text(content)
        with pytest.raises(StateError, match="certificate by which this machine knows") as caught:
            machine_client(state, "machine-secret")
    assert caught.value.where == str(state.authority_file)
    assert "envguard join" in str(caught.value.hint)


def test_who_joins_a_server_without_an_authority_forgets_the_one_before(
    tmp_path: Path, authority: Authority
) -> None:
    with a_server(tmp_path, authority.certificate, authority.signed()) as server:
        state = joined_to(server, tmp_path, authority)
    with serving(showing("")) as plain:
        join(write_join(JoinString(plain.url, "join-token")), state=state, name="ws-7")
        assert state.authority() is None
        assert machine_client(state, "machine-secret").policies() == ()


def test_person_names_the_authority_of_another_server(tmp_path: Path, authority: Authority) -> None:
    file = tmp_path / "ca.pem"
    file.write_text(authority.certificate)
    with a_server(tmp_path, authority.certificate, authority.signed()) as server:
        environ = {"ENVGUARD_SERVER": server.url, "ENVGUARD_TOKEN": "t"}
        with pytest.raises(TransportError, match="not trusted"):
            person_client(environ, None).policies()
        assert person_client({**environ, "ENVGUARD_CA": str(file)}, None).policies() == ()
        state = joined_to(server, tmp_path, authority)
        assert person_client(environ, state).policies() == ()


@pytest.mark.parametrize(
    "content", [None, b"", b"nonsense", b"\xff\xfe", b"-----BEGIN CERTIFICATE-----\nAAAA\n"], ids=str
)
def test_authority_that_is_none_is_refused_by_its_variable(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    environ = {"ENVGUARD_SERVER": "https://s.example", "ENVGUARD_TOKEN": "t", "ENVGUARD_CA": str(file)}
    with pytest.raises(UsageError) as caught:
        person_client(environ, None)
    assert caught.value.where == "ENVGUARD_CA"
    assert str(file) in str(caught.value)


def test_plain_http_to_a_server_with_tls_is_said(tmp_path: Path, authority: Authority) -> None:
    with a_server(tmp_path, authority.certificate, authority.signed()) as server:
        with pytest.raises(TransportError, match="closed") as caught:
            ServerClient(server.url.replace("https:", "http:"), token="secret", timeouts=QUICK).policies()
        assert server.asked == []
    assert "https://" in str(caught.value.hint)
