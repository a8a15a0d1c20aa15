"""Letting a machine in: the server first, then the files, so that nothing half-joined is left behind."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from envguard.client import ServerClient, fetch_authority, trust_in
from envguard.errors import UsageError
from envguard.log import get_log
from envguard.state import Identity, State
from envguard.wire import EnrolRequest, read_join

_MACHINE_ID_FILES = ("/etc/machine-id", "/var/lib/dbus/machine-id")

_log = get_log(__name__)


class Joined(msgspec.Struct, frozen=True):
    """Who this machine is from now on."""

    identity: Identity
    is_pending: bool
    """It waits for an admin to let it in."""


def join(
    join_string: str,
    *,
    state: State,
    name: str,
    labels: Mapping[str, str] | None = None,
    roots: Sequence[Path] = (),
    new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
) -> Joined:
    """Enrol this machine and answer who it is from now on.

    The token goes only to a server whose certificate is signed by the authority that the string names.

    Raises UsageError for a string that is none, RefusedError for a token that no longer lets in,
    TransportError when the server cannot be reached or is another; the state is then as it was.
    """
    if not name.strip() or not name.isprintable():
        raise UsageError(f"not a name for a machine: {name!r}", hint="envguard join STRING --name NAME")
    told = read_join(join_string)
    authority = None if told.authority is None else fetch_authority(told.url, told.authority)
    client = ServerClient(told.url, trust=trust_in(authority))
    before = state.identity()
    is_again = before is not None and before.url == client.url
    machine = before.machine if before is not None and is_again else new_id()
    request = EnrolRequest(token=told.token, machine=machine, name=name, labels=dict(labels or {}))
    reply = client.enrol(request)
    identity = Identity(
        machine=machine,
        name=name,
        labels=request.labels if reply.labels is None else reply.labels,
        url=client.url,
        authority=told.authority,
        interval_s=reply.interval_s,
        roots=tuple(str(root.absolute()) for root in roots),
        machine_id=machine_id(),
    )
    if not is_again:
        state.keep_policies({})
        state.forget_sequence()
    state.join(identity, reply.secret, authority)
    _log.info("machine_joined", machine=machine, name=name, url=client.url)
    return Joined(identity, reply.is_pending)


def machine_id(files: Sequence[str] = _MACHINE_ID_FILES) -> str | None:
    """Answer the operating system's own id; None where it has none that can be read."""
    for file in files:
        try:
            text = Path(file).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        if text:
            return text
    return None
