"""The client of a person's commands: as whom, to which server, and by which certificates it is known."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from envguard.client.exchange import Timeouts, checked_token, checked_url
from envguard.client.pinning import machine_client, machine_trust
from envguard.client.server import ServerClient
from envguard.client.trust import SYSTEM_TRUST, Trust, is_authorities
from envguard.errors import UsageError
from envguard.state import State

_ADMIN_HINT = 'export ENVGUARD_TOKEN="$(cat STATE/admin-token)", STATE being the server\'s state folder'


def person_client(
    environ: Mapping[str, str], state: State | None, *, timeouts: Timeouts | None = None
) -> ServerClient:
    """Answer the client by ENVGUARD_SERVER and ENVGUARD_TOKEN, else by what this machine joined.

    ENVGUARD_CA names the certificates that may sign that of ENVGUARD_SERVER. The server that this machine
    joined is known as it was when it joined, also where ENVGUARD_SERVER names it.

    A token without a server goes to the joined one; a server without a token is asked nothing in the
    machine's name. Raises UsageError where neither is there.
    """
    url, token = environ.get("ENVGUARD_SERVER"), environ.get("ENVGUARD_TOKEN")
    if url:
        checked_url(url, place="ENVGUARD_SERVER")
    if token:
        checked_token(token, place="ENVGUARD_TOKEN", hint=_ADMIN_HINT)
    if url and token:
        trust = _trust(url, environ.get("ENVGUARD_CA"), state)
        return ServerClient(url, token=token, trust=trust, timeouts=timeouts)
    if url:
        raise UsageError("ENVGUARD_SERVER is set, and ENVGUARD_TOKEN is not", hint=_ADMIN_HINT)
    secret = state.secret() if state is not None else None
    if state is not None and state.identity() is not None and (token or secret):
        return machine_client(state, token or secret, timeouts=timeouts)
    raise UsageError(
        "which server? this machine has joined none, and ENVGUARD_SERVER is not set",
        hint="envguard join STRING, or export ENVGUARD_SERVER=URL ENVGUARD_TOKEN=TOKEN",
    )


def _trust(url: str, file: str | None, state: State | None) -> Trust:
    if file:
        return _trust_in_file(file)
    identity = state.identity() if state is not None else None
    if state is None or identity is None or identity.url != url.rstrip("/"):
        return SYSTEM_TRUST
    return machine_trust(state, identity)


def _trust_in_file(file: str) -> Trust:
    hint = "name the `ca.pem` of the server's state folder, or of a joined machine's"
    try:
        text = Path(file).expanduser().read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it holds more than certificates in PEM"
        raise UsageError(f"cannot be read: {file}: {reason}", where="ENVGUARD_CA", hint=hint) from error
    if not is_authorities(text):
        raise UsageError(f"holds no certificate in PEM: {file}", where="ENVGUARD_CA", hint=hint)
    return Trust(authority=text, named=f"an authority in {file} (ENVGUARD_CA)")
