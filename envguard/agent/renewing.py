"""A machine's secret gives way to another, and a cut at any point locks nobody out.

Rules
1. What the server offers is kept beside the secret before it is used, and put in its place after that.
2. Until it is used the one before is in force, and from then on the new one: the server keeps to the same.
3. What was left behind by a cut is used first: that it was used before is no failure. What the server did
   not offer is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable

from envguard.client import ServerClient
from envguard.errors import RefusedError, TransportError
from envguard.log import get_log
from envguard.state import State

Connect = Callable[[str], ServerClient]
"""Answers the client that speaks by a secret."""

_log = get_log(__name__)


def finish_renewal(state: State, connect: Connect) -> ServerClient | None:
    """Answer the client by a secret that was offered before; None where there is none, or it is none.

    Raises TransportError where the server cannot be asked: which of the two is in force is not known then.
    """
    offered = state.next_secret()
    if offered is None:
        return None
    client = connect(offered)
    try:
        client.use_secret()
    except RefusedError as error:
        _log.warning("offered_secret_refused", reason=str(error))
        state.drop_next_secret()
        return None
    state.take_next_secret()
    _log.info("secret_renewed")
    return client


def renew_secret(state: State, client: ServerClient, connect: Connect) -> ServerClient:
    """Answer the client by a new secret, or the one from before: where that failed, a later round tries."""
    try:
        state.keep_next_secret(client.new_secret())
        return finish_renewal(state, connect) or client
    except TransportError as error:
        _log.warning("secret_not_renewed", reason=str(error))
        return client
