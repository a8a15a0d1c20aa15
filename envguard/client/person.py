"""The client of a person's commands: as whom, and to which server."""

from __future__ import annotations

from collections.abc import Mapping

from envguard.client.server import ServerClient
from envguard.errors import UsageError
from envguard.state import State


def person_client(environ: Mapping[str, str], state: State | None) -> ServerClient:
    """Answer the client by ENVGUARD_SERVER and ENVGUARD_TOKEN, else by what this machine joined.

    A token without a server goes to the joined one; a server without a token is asked nothing in the
    machine's name. Raises UsageError where neither is there.
    """
    url, token = environ.get("ENVGUARD_SERVER"), environ.get("ENVGUARD_TOKEN")
    if url and token:
        return ServerClient(url, token=token)
    if url:
        raise UsageError(
            "ENVGUARD_SERVER is set, and ENVGUARD_TOKEN is not", hint="export ENVGUARD_TOKEN=TOKEN"
        )
    identity = state.identity() if state is not None else None
    secret = state.secret() if state is not None else None
    if identity is not None and (token or secret):
        return ServerClient(identity.url, token=token or secret)
    raise UsageError(
        "which server? this machine has joined none, and ENVGUARD_SERVER is not set",
        hint="envguard join STRING, or export ENVGUARD_SERVER=URL ENVGUARD_TOKEN=TOKEN",
    )
