"""A few words to the service manager: ready, alive, stopping (the protocol of ``sd_notify(3)``)."""

from __future__ import annotations

import os
from collections.abc import Mapping

_SEND_TIMEOUT_S = 1.0


def notify(*lines: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Send lines such as ``READY=1``; False where nobody asked to be told, or nobody listens."""
    import socket  # of all who import this room only the agent speaks

    address = environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@") or not hasattr(socket, "AF_UNIX"):
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.settimeout(_SEND_TIMEOUT_S)
            channel.connect(address)
            channel.sendall("\n".join(lines).encode())
    except OSError:
        return False
    return True


def watchdog_interval_s(environ: Mapping[str, str] = os.environ, *, pid: int | None = None) -> float | None:
    """Answer how often to send ``WATCHDOG=1``: half of what is asked for; None if not asked."""
    try:
        limit_us = int(environ.get("WATCHDOG_USEC", ""))
        meant_for = environ.get("WATCHDOG_PID")
        is_meant = meant_for is None or int(meant_for) == (os.getpid() if pid is None else pid)
    except ValueError:
        return None
    return limit_us / 2_000_000 if is_meant and limit_us > 0 else None
