"""The client of a person's commands: as whom, to which server, and by which certificates it is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from envguard.client.exchange import Timeouts, checked_token, checked_url
from envguard.client.pinning import machine_client, machine_trust, trust_in
from envguard.client.server import ServerClient
from envguard.client.trust import SYSTEM_TRUST, Trust, is_authorities
from envguard.errors import UsageError
from envguard.state import Login, State, read_login

_SIGN_IN = "envguard login URL, or export ENVGUARD_TOKEN=TOKEN; an admin makes one: envguard token new"


def person_client(
    environ: Mapping[str, str],
    state: State | None,
    login: Callable[[], Login | None] = read_login,
    *,
    timeouts: Timeouts | None = None,
) -> ServerClient:
    """Answer the client by ENVGUARD_SERVER and ENVGUARD_TOKEN, else by `login`, else by what was joined.

    ENVGUARD_CA names the certificates that may sign that of ENVGUARD_SERVER. The server that this machine
    joined, or that somebody signed in to, is known as it was then, also where ENVGUARD_SERVER names it.

    A token without a server goes to the one signed in to, else to the joined one; a server without a token
    is asked by the token of its own login, and never in the machine's name. Raises UsageError where neither
    is there.
    """
    url, token = environ.get("ENVGUARD_SERVER"), environ.get("ENVGUARD_TOKEN")
    if url:
        checked_url(url, place="ENVGUARD_SERVER")
    if token:
        checked_token(token, place="ENVGUARD_TOKEN", hint=_SIGN_IN)
    kept = None if url and token else login()
    if url and not token:
        if kept is None or kept.url != url.rstrip("/"):
            raise UsageError("ENVGUARD_SERVER is set, and ENVGUARD_TOKEN is not", hint=_SIGN_IN)
        token = kept.token
    if url:
        trust = _trust(url, environ.get("ENVGUARD_CA"), state, login)
        return ServerClient(url, token=token, trust=trust, timeouts=timeouts, place=_place(state, url))
    if kept is not None:
        return ServerClient(
            kept.url,
            token=token or kept.token,
            trust=trust_in(kept.authority),
            timeouts=timeouts,
            place=_place(state, kept.url),
        )
    secret = state.secret() if state is not None else None
    if state is not None and state.identity() is not None and (token or secret):
        return machine_client(state, token or secret, timeouts=timeouts)
    raise UsageError(
        "which server? this machine has joined none, and nobody signed in",
        hint="envguard join STRING, envguard login URL, or export ENVGUARD_SERVER=URL ENVGUARD_TOKEN=TOKEN",
    )


def known_trust(url: str, file: str | None, state: State | None) -> Trust:
    """Answer by what a server is known that nobody signed in to yet: a file, or what this machine joined."""
    return _trust(url, file, state, lambda: None)


def _place(state: State | None, url: str) -> str | None:
    """Answer this machine's id, where the server is the one that knows it."""
    identity = state.identity() if state is not None else None
    return identity.machine if identity is not None and identity.url == url.rstrip("/") else None


def _trust(url: str, file: str | None, state: State | None, login: Callable[[], Login | None]) -> Trust:
    if file:
        return _trust_in_file(file)
    identity = state.identity() if state is not None else None
    if state is not None and identity is not None and identity.url == url.rstrip("/"):
        return machine_trust(state, identity)
    kept = login()
    return trust_in(kept.authority) if kept is not None and kept.url == url.rstrip("/") else SYSTEM_TRUST


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
