"""The client of a person's commands: as whom, and to which server."""

from __future__ import annotations

from collections.abc import Mapping

from envguard.client.exchange import Timeouts, checked_token, checked_url
from envguard.client.server import ServerClient
from envguard.errors import UsageError
from envguard.state import State

_ADMIN_HINT = 'export ENVGUARD_TOKEN="$(cat STATE/admin-token)", STATE being the server\'s state folder'


def person_client(
    environ: Mapping[str, str], state: State | None, *, timeouts: Timeouts | None = None
) -> ServerClient:
    """Answer the client by ENVGUARD_SERVER and ENVGUARD_TOKEN, else by what this machine joined.

    A token without a server goes to the joined one; a server without a token is asked nothing in the
    machine's name. Raises UsageError where neither is there.
    """
    url, token = environ.get("ENVGUARD_SERVER"), environ.get("ENVGUARD_TOKEN")
    if url:
        checked_url(url, place="ENVGUARD_SERVER")
    if token:
        checked_token(token, place="ENVGUARD_TOKEN", hint=_ADMIN_HINT)
    if url and token:
        return ServerClient(url, token=token, timeouts=timeouts)
    if url:
        raise UsageError("ENVGUARD_SERVER is set, and ENVGUARD_TOKEN is not", hint=_ADMIN_HINT)
    identity = state.identity() if state is not None else None
    secret = state.secret() if state is not None else None
    if identity is not None and (token or secret):
        return ServerClient(identity.url, token=token or secret, timeouts=timeouts)
    raise UsageError(
        "which server? this machine has joined none, and ENVGUARD_SERVER is not set",
        hint="envguard join STRING, or export ENVGUARD_SERVER=URL ENVGUARD_TOKEN=TOKEN",
    )
