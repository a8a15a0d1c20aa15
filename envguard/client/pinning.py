"""The authority that a server is pinned by: how a machine gets its certificate, and keeps to it."""

from __future__ import annotations

import warnings

from urllib3.exceptions import InsecureRequestWarning

from envguard.client.exchange import Timeouts, checked_url, exchange
from envguard.client.server import ServerClient
from envguard.client.trust import SYSTEM_TRUST, Trust, pinned, unchecked_session
from envguard.errors import StateError, TransportError, UsageError
from envguard.state import Identity, State
from envguard.wire.certificates import fingerprint_of, first_certificate

_STRING_HINT = "`envguard server` and `envguard token new` print one"


def fetch_authority(url: str, fingerprint: str, *, timeouts: Timeouts | None = None) -> str:
    """Answer the certificate with this fingerprint as PEM, asked of the server, which is not known yet.

    Nothing secret is sent. Raises TransportError where what answers has another certificate or none,
    UsageError where the address has no TLS that could be checked by it.
    """
    checked = checked_url(url)
    if not checked.startswith("https:"):
        what = f"the join string names a certificate, and an address without TLS: {checked}"
        raise UsageError(what, where="join", hint=_STRING_HINT)
    place = f"{checked}/api/v1/ca"
    with unchecked_session() as session, warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureRequestWarning)  # what comes back is checked below
        answer = exchange(
            session,
            "GET",
            place,
            body=None,
            headers={},
            timeouts=timeouts or Timeouts(),
            trust=SYSTEM_TRUST,
        )
    try:
        certificate = first_certificate(answer.body.decode("ascii"))
    except ValueError as error:
        what = f"it shows no certificate of its authority, and answered with status {answer.status}"
        hint = "does another server answer at this address, or a proxy in between?"
        raise TransportError(what, where=place, hint=hint) from error
    if fingerprint_of(certificate) != fingerprint:
        raise TransportError(
            "this is not the server that the join string names: its authority's certificate is another",
            where=place,
            hint="does another server, or somebody in between, answer at this address? if the server was set "
            "up anew, join by a new string. Nothing secret was sent",
        )
    return certificate


def machine_client(state: State, token: str | None, *, timeouts: Timeouts | None = None) -> ServerClient:
    """Answer the client to the server that this machine joined; UsageError where it joined none."""
    identity = state.identity()
    if identity is None:
        raise UsageError("this machine has not joined a server", hint="envguard join STRING")
    return ServerClient(identity.url, token=token, trust=machine_trust(state, identity), timeouts=timeouts)


def machine_trust(state: State, identity: Identity) -> Trust:
    """Answer by what this machine knows the server that it joined, as which it has this identity.

    Raises StateError where the certificate that it was pinned by is gone or another: never is such a server
    known by less.
    """
    if identity.authority is None:
        return SYSTEM_TRUST
    try:
        authority = first_certificate(state.authority() or "")
        is_it = fingerprint_of(authority) == identity.authority
    except ValueError:
        authority, is_it = "", False
    if not is_it:
        raise StateError(
            "the certificate by which this machine knows its server is gone, or another",
            where=str(state.authority_file),
            hint="envguard join STRING, by a new string",
        )
    return pinned(authority)


def trust_in(authority: str | None) -> Trust:
    """Answer the trust in a pinned authority; None is what this machine trusts."""
    return SYSTEM_TRUST if authority is None else pinned(authority)
