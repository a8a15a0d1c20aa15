"""Telling this machine's agent what was stopped, or let run in spite of its verdict; it tells the server.

Rules
1. Nobody waits for it but a moment, and nothing is said of it: where there is no agent, nothing is told.
2. Of a run, and of a job with ranks, it is told once: not below ``envguard run``, which tells it itself, nor
   by the children of who told it, nor by ranks other than the first.
"""

import os
import sys
import time

from envguard.guard.agent_socket import is_trusted_socket
from envguard.guard.files import IS_OLD
from envguard.guard.interpreter import ticks
from envguard.guard.verdict_file import runtime_folders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

    from envguard.guard.verdict import Verdict

_RUN = "ENVGUARD_RUN"
"""Set where somebody tells of this run already."""
_TELLING_S = 0.3
_FINDINGS = 100


def tell_agent(verdict, allowed):
    # type: (Verdict, Optional[str]) -> None
    """Tell of a script that was stopped, or that runs for the reason ``allowed``."""
    if os.environ.get(_RUN) or not _is_first_rank():
        return
    os.environ[_RUN] = "told"
    paths = [(folder, os.path.join(folder, "agent.sock")) for folder in runtime_folders()]
    path = next((path for folder, path in paths if is_trusted_socket(folder, path)), None)
    if path is None:
        return
    try:
        import json

        content = json.dumps(_document(verdict, allowed)).encode("ascii")
        _send(path, b"".join([("receipt 1\t%d\n" % len(content)).encode("ascii"), content]))
    except (OSError, IOError, ValueError, TypeError):
        pass  # nobody to tell it to


def _is_first_rank():
    # type: () -> bool
    from envguard.guard.launcher import seat_of

    seat = seat_of(os.environ)[0]
    return seat is None or seat.rank == 0


def _send(path, content):
    # type: (str, bytes) -> None
    """Send, and wait until it was taken. Raises OSError where that takes longer than it may."""
    import socket

    ends_at = ticks() + _TELLING_S
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(_TELLING_S)
        connection.connect(path)
        connection.sendall(content)
        connection.settimeout(max(ends_at - ticks(), 0.001))
        connection.recv(1)
    finally:
        connection.close()


def _document(verdict, allowed):
    # type: (Verdict, Optional[str]) -> Dict[str, Any]
    """The message: a receipt without a judgement of its own, and beside it what was decided."""
    from binascii import hexlify

    key = hexlify(os.urandom(16)).decode("ascii")
    now = time.gmtime()
    began = time.strftime("%Y-%m-%dT%H:%M:%SZ", now)
    command = getattr(sys, "orig_argv", None) or [sys.executable or "python"] + list(sys.argv)
    receipt = {
        "schema": "envguard/receipt/1",
        "id": time.strftime("%Y-%m-%dT%H%M%S-", now) + key[:4],
        "key": key,
        "command": [_sendable(word) for word in command],
        "folder": _sendable(_folder()),
        "environment_from": "require() in the script",
        "start": began,
        "end": None if allowed else began,
        "allow_drift": _sendable(allowed),
        "judgement": None,
        "undecided": _sendable(verdict.reason),
    }
    host = _sendable(os.uname()[1])
    kind = "required" if allowed else "refused"
    told = {"kind": kind, "person": "", "machine": host, "host": host, "place": "", "receipt": receipt}
    told["required"] = {
        "verdict": verdict.verdict,
        "environment": _sendable(verdict.environment),
        "digest": _sendable(verdict.digest),
        "policy": _sendable(verdict.policy),
        "revision": verdict.revision,
        "findings": [
            dict({name: _sendable(getattr(each, name)) for name in _FIELDS}, is_waived=bool(each.waived))
            for each in verdict.findings[:_FINDINGS]
        ],
    }
    return told


_FIELDS = ("kind", "package", "severity", "expected", "actual")


def _folder():
    # type: () -> str
    try:
        return os.getcwd()
    except OSError:
        return ""


def _sendable(text):
    # type: (Any) -> Any
    """A text without what no encoding has; None stays None."""
    if text is None:
        return None
    content = text if IS_OLD else text.encode("utf-8", "surrogateescape")  # type: Any
    return content.decode("utf-8", "replace")
