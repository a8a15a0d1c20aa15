"""Hands what waits of runs to this machine's agent, which sends it to the server.

Rules
1. An agent is trusted that is root's or this user's own, in a folder where nobody else can put one.
2. What was taken is removed, and what will never be taken: a message that is none, or that the agent says is
   wrong. All else waits on.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from time import monotonic
from typing import Literal, NamedTuple

import msgspec

from envguard.domain.receipt import Handed, is_run_key
from envguard.guard.agent_socket import is_trusted_socket
from envguard.state.outbox import ITEM_BYTES, Outbox
from envguard.state.runtime import SOCKET

PATIENCE_S = 1.0
"""How long the agent may take for one message."""

_ANSWER_BYTES = 4096

Taken = Literal["taken", "wrong", "no"]
"""Whether an agent took a message; a wrong one none will ever take."""


class Waited(NamedTuple):
    """What waited under one name."""

    outbox: Outbox
    name: str
    handed: Handed
    content: bytes


def send_to_agent(path: str, outbox: Outbox) -> bool:
    """Hand what waits to an agent, the oldest first; answer whether nothing is left."""
    for each in waiting_in(outbox):
        taken = hand_over(path, each.content)
        if taken == "no":
            return False
        outbox.remove(each.name)
    return True


def hand_over(path: str, content: bytes) -> Taken:
    """Give a message to the agent at a socket."""
    ends_at_s = monotonic() + PATIENCE_S
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.settimeout(PATIENCE_S)
            asking.connect(path)
            asking.sendall(b"receipt 1\t%d\n%b" % (len(content), content))
            answer = b""
            while not answer.endswith(b"\n") and len(answer) < _ANSWER_BYTES:
                asking.settimeout(max(ends_at_s - monotonic(), 0.001))
                piece = asking.recv(_ANSWER_BYTES)
                if not piece:
                    break
                answer += piece
    except OSError:
        return "no"
    if answer == b"taken\n":
        return "taken"
    return "wrong" if answer.startswith(b"wrong\t") else "no"


def trusted_socket(folder: str) -> str | None:
    """Answer the socket in a folder, where it is one that scripts with the guard ask as well."""
    path = f"{folder}/{SOCKET}"
    return path if is_trusted_socket(folder, path) else None


def read_handed(content: bytes) -> Handed | None:
    """Answer the message; None where it is none."""
    if len(content) > ITEM_BYTES:
        return None
    try:
        handed = msgspec.json.decode(content, type=Handed)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return handed if is_run_key(handed.receipt.key) and handed.receipt.start.tzinfo is not None else None


def waiting_in(outbox: Outbox) -> Iterator[Waited]:
    """Yield what waits; what is no message is removed."""
    for each in outbox.waiting():
        content = outbox.read(each.name)
        if content is None:
            continue
        handed = read_handed(content)
        if handed is None:
            outbox.remove(each.name)
            continue
        yield Waited(outbox, each.name, handed, content)
