"""The server, seen from here: its name, port, certificate and clock, and whether it knows this token."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from urllib.parse import urlsplit

from envguard.cli.doctor.looking import Look
from envguard.client import person_client
from envguard.client.exchange import Timeouts
from envguard.client.server import ServerClient
from envguard.errors import RefusedError, TransportError, UsageError
from envguard.report.doctor import Checkup, bad, ok, warn
from envguard.state import State, state_directory

Clock = Callable[[], datetime]

_PATIENCE = Timeouts(connect_s=5.0, silence_s=5.0, total_s=10.0)
_SKEW_S, _WRONG_S = 30.0, 300.0


def looks_at_server(environ: Mapping[str, str], clock: Clock) -> dict[str, Look]:
    """Answer what is looked at where a server is known here."""
    return {"server": lambda: _server(environ, clock)}


def _server(environ: Mapping[str, str], clock: Clock) -> Iterator[Checkup]:
    state = State(state_directory(environ))
    if not environ.get("ENVGUARD_SERVER") and state.identity() is None:
        return
    try:
        client = person_client(environ, state, timeouts=_PATIENCE)
    except UsageError as error:
        yield bad("server", str(error), error.hint)
        return
    unreachable = _unreachable(client.url)
    if unreachable is not None:
        yield unreachable
        return
    try:
        told_at = client.health()
    except TransportError as error:
        yield bad("server", f"{client.url}: {error.what}", error.hint)
        return
    yield ok("server", f"{client.url} answers")
    if told_at is not None:
        yield _clocks(told_at, clock())
    yield _token(client)


def _unreachable(url: str) -> Checkup | None:
    """Answer whether the name or the port is what fails; None where a connection is made."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return bad("server", f"this name has no address: {host}", f"getent hosts {host}; is the network up?")
    try:
        socket.create_connection((host, port), _PATIENCE.connect_s).close()
    except OSError as error:
        where = f"{addresses[0][4][0]} port {port}"
        hint = "does the server run, and does a firewall let this machine through?"
        return bad("server", f"{host} ({where}): {error.strerror or 'no answer in time'}", hint)
    return None


def _clocks(told_at: datetime, now: datetime) -> Checkup:
    apart_s = (now - told_at).total_seconds()
    found = f"{abs(apart_s):.0f} s {'ahead of' if apart_s > 0 else 'behind'} the server's"
    hint = "set it: timedatectl set-ntp true"
    if abs(apart_s) > _WRONG_S:
        return bad("clock", found, hint)
    return warn("clock", found, hint) if abs(apart_s) > _SKEW_S else ok("clock", "as the server's")


def _token(client: ServerClient) -> Checkup:
    try:
        count = len(client.policies())
    except RefusedError as error:
        return bad("token", error.what, error.hint)
    except TransportError as error:
        return bad("token", f"the server does not answer: {error.what}", error.hint)
    return ok("token", f"the server knows it; policies: {count}")
