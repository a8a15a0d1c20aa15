"""A real server with TLS: machines join it, know it again, and take nobody else for it."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from envguard.server.tls.making import new_certificate, validity_of
from envguard.server.tls.names import Names
from envguard.wire import JoinString, read_join, write_join
from envguard.wire.certificates import fingerprint_of
from tests.builders.certificates import an_authority, context_with, halves, now, written
from tests.client.fake_server import serving
from tests.client.test_trust import showing
from tests.e2e.test_team import Server, a_server, call, own, team, within

HERE = Names((), ("127.0.0.1",))


def joined(server: Server, folder: Path) -> Path:
    state = folder / "ws-7.state"
    (folder / "home").mkdir(exist_ok=True)
    arguments = ("join", "-", "--name", "ws-7", "--roots", folder / "home")
    call(*arguments, given=server.join, environ=own(state))
    return state


def shown(server: Server) -> str:
    """Answer the certificate that a new connection gets, as PEM."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    address = ("127.0.0.1", int(server.url.rpartition(":")[2]))
    with socket.create_connection(address, 10) as plain, context.wrap_socket(plain) as connection:
        return ssl.DER_cert_to_PEM_cert(connection.getpeercert(binary_form=True) or b"")


@contextlib.contextmanager
def kept_open(server: Server) -> Iterator[ssl.SSLSocket]:
    """Hold a connection that was made before something changes."""
    context = ssl.create_default_context(cafile=server.admin["ENVGUARD_CA"])
    address = ("127.0.0.1", int(server.url.rpartition(":")[2]))
    with (
        socket.create_connection(address, 10) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        yield connection


def answers(connection: ssl.SSLSocket) -> bool:
    """Whether a connection is answered, to the end of its answer."""
    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    answer = b""
    while not answer.endswith(b"}") and (more := connection.recv(4096)):
        answer += more
    return answer.startswith(b"HTTP/1.1 200") and answer.count(b"HTTP/1.1") == 1


def test_machines_join_report_and_know_the_server_again(tmp_path: Path) -> None:
    with a_server(tmp_path / "server", "127.0.0.1:0", "--tls") as server:
        assert server.url.startswith("https://127.0.0.1:")
        state = joined(server, tmp_path)
        call("agent", "--once", environ=own(state))
        assert team(server)["summary"]["machines"] == 1
        assert "1 machine reporting" in call("team", environ=own(state))
        authority, port = state / "ca.pem", server.url.rpartition(":")[2]
        pinned = read_join(server.join).authority
        assert fingerprint_of(authority.read_text()) == pinned
        assert authority.read_text() == (tmp_path / "server" / "ca.pem").read_text()
        unpinned = write_join(JoinString(server.url, read_join(server.join).token))
        call("join", unpinned, code=3, environ=own(tmp_path / "other.state"))
        curl = shutil.which("curl")
        if curl is not None:
            asked = [curl, "--silent", "--noproxy", "*", "--cacert", str(authority), f"{server.url}/healthz"]
            done = subprocess.run(asked, capture_output=True, text=True, timeout=20, check=False)
            assert json.loads(done.stdout) == {"status": "ok"}
    with a_server(tmp_path / "server", f"127.0.0.1:{port}", "--tls") as again:
        assert read_join(again.join).authority == pinned
        call("agent", "--once", environ=own(state))
    with a_server(tmp_path / "anew", f"127.0.0.1:{port}", "--tls") as another:
        assert read_join(another.join).authority != pinned
        call("agent", "--once", code=3, environ=own(state))
        assert "not trusted" in json.loads(call("status", "--json", environ=own(state)))["error"]


def test_addresses_that_others_reach_have_tls_by_the_machine_s_name(tmp_path: Path) -> None:
    with a_server(tmp_path / "server", "0.0.0.0:0") as server:
        assert server.url.startswith(f"https://{socket.gethostname()}:")
        names = validity_of(shown(server)).names
        assert socket.gethostname().lower() in names.dns
        assert {"127.0.0.1", "::1"} <= set(names.addresses)


def test_token_is_not_sent_to_somebody_in_between(tmp_path: Path) -> None:
    """He has the authority's certificate, which is public, and a certificate of his own."""
    other = an_authority()
    context = context_with(tmp_path, other.signed())
    with a_server(tmp_path / "server", "127.0.0.1:0", "--tls") as server:
        told = read_join(server.join)
        real = (tmp_path / "server" / "ca.pem").read_text()
    for shown_authority in (real, other.certificate):
        with serving(showing(shown_authority), context) as between:
            text = write_join(JoinString(between.url, told.token, told.authority))
            call("join", text, code=3, environ=own(tmp_path / "state"))
            assert [each.path for each in between.asked] == ["/api/v1/ca"]
            assert told.token not in str(between.asked)
    assert not (tmp_path / "state" / "identity.json").exists()


def test_certificate_is_renewed_while_the_server_runs(tmp_path: Path) -> None:
    folder = tmp_path / "server"
    with a_server(folder, "127.0.0.1:0", "--tls") as server:
        state = joined(server, tmp_path)
        authority, key = ((folder / name).read_text() for name in ("ca.pem", "ca-key.pem"))
        names = validity_of(shown(server)).names
        # As it is 29 days later: valid for another day.
        late = new_certificate(authority, key, names, now(), timedelta(days=1))
        written(folder / "tls.pem", late)
        with kept_open(server) as before:
            assert answers(before)
            server.process.send_signal(signal.SIGHUP)
            assert within(lambda: shown(server) in (folder / "tls.pem").read_text())
            assert validity_of(shown(server)).ends_at > now() + timedelta(days=29)
            assert answers(before)
        call("agent", "--once", environ=own(state))


def test_certificate_of_ones_own_is_read_again(tmp_path: Path) -> None:
    company = an_authority()
    ca = written(tmp_path / "ca.pem", company.certificate)
    certificate, key = tmp_path / "fullchain.pem", tmp_path / "privkey.pem"

    def renew() -> str:
        parts = halves(company.signed(HERE))
        written(key, parts[1])
        written(certificate, parts[0])
        return parts[0]

    renew()
    options = ("--tls-certificate", certificate, "--tls-key", key, "--tls-ca", ca)
    with a_server(tmp_path / "server", "127.0.0.1:0", *options) as server:
        assert read_join(server.join).authority == fingerprint_of(company.certificate)
        assert not (tmp_path / "server" / "ca-key.pem").exists()
        state = joined(server, tmp_path)
        renewed = renew()
        server.process.send_signal(signal.SIGHUP)
        assert within(lambda: shown(server) == renewed)
        call("agent", "--once", environ=own(state))


@pytest.mark.parametrize("mode", [0o644, 0o600], ids=["open to all", "mismatched"])
def test_key_that_does_not_serve_ends_the_start(tmp_path: Path, mode: int) -> None:
    company = an_authority()
    certificate = written(tmp_path / "cert.pem", halves(company.signed(HERE))[0])
    key = written(tmp_path / "key.pem", halves(company.signed(HERE))[1], mode=mode)
    options = ("--listen", "127.0.0.1:0", "--tls-certificate", certificate, "--tls-key", key)
    call("server", *options, "--state", tmp_path / "server", code=2, environ={})
    assert not (tmp_path / "server").exists()


def test_server_without_an_authority_shows_none(tmp_path: Path) -> None:
    with a_server(tmp_path / "server", "127.0.0.1:0", "--url", "https://envguard.example") as server:
        assert read_join(server.join) == JoinString(
            "https://envguard.example", read_join(server.join).token, None
        )


def test_person_elsewhere_signs_in_by_the_fingerprint_that_token_new_prints(tmp_path: Path) -> None:
    with a_server(tmp_path / "server", "127.0.0.1:0", "--tls") as server:
        made = json.loads(
            call("token", "new", "--person", "ann", "--role", "viewer", "--json", environ=server.admin)
        )
        there = {**own(tmp_path / "none.state"), "XDG_CONFIG_HOME": str(tmp_path / "config")}
        known = ("--fingerprint", made["ca_fingerprint"])
        call("login", made["url"], given=made["token"], environ=there, code=3)
        call(
            "login", made["url"], *known[:1], "sha256:" + "0" * 64, given=made["token"], environ=there, code=3
        )
        assert "as ann, viewer" in call("login", made["url"], *known, given=made["token"], environ=there)
        assert json.loads(call("team", "--json", environ=there))["is_summary"] is False
