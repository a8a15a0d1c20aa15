"""Where the server listens: the address, its socket, and the URL that machines are given.

TLS is spoken unless only this machine can connect; ``--tls`` and ``--no-tls`` say otherwise. Without it a URL
that begins with https says that a proxy is in front.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec

from envguard.errors import StateError, UsageError

_BACKLOG = 2048


class Address(msgspec.Struct, frozen=True):
    """A resolved address to listen at."""

    host: str
    """As it was written."""
    ip: str
    port: int
    family: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return ipaddress.ip_address(self.ip.partition("%")[0]).is_loopback


def read_listen(listen: str) -> Address:
    """Read ``HOST:PORT``; raises UsageError."""
    host, _, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
    is_number = port.isascii() and port.isdecimal() and len(port) < 6
    if not host or not is_number or int(port) > 65535 or (":" in host and not listen.startswith("[")):
        raise UsageError(
            f"not an address to listen at: {listen}", where="--listen", hint="such as --listen 127.0.0.1:8750"
        )
    try:
        family, _, _, _, place = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise UsageError(
            f"this name has no address: {host}", where="--listen", hint="such as --listen 127.0.0.1:8750"
        ) from error
    return Address(host, str(place[0]), int(port), int(family))


def check_url(address: Address, url: str | None, *, is_tls: bool) -> None:
    """Hold to plain HTTP on loopback only; raises UsageError."""
    hint = "put a proxy with TLS in front, and name its address: --url https://HOST"
    if url is None:
        if not address.is_loopback and not is_tls:
            raise UsageError(
                f"plain HTTP is spoken on loopback only, and {address.host} is reached from elsewhere",
                where="--no-tls",
                hint=f"leave --no-tls away; or {hint}",
            )
        return
    try:
        parts = urlsplit(url)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        is_url = is_url and not any(char in url for char in "@?#\\")  # machines would refuse to join there
    except ValueError:
        is_url = False
    if not is_url or any(char.isspace() or not char.isprintable() for char in url):
        raise UsageError(
            "not an address" if "@" in url else f"not an address: {url}",
            where="--url",
            hint="such as --url https://envguard.example",
        )
    if urlsplit(url).scheme == "https":
        return
    if is_tls:
        raise UsageError(f"TLS is spoken here: {url}", where="--url", hint="begin it with https://")
    if not address.is_loopback or urlsplit(url).hostname not in ("127.0.0.1", "::1", "localhost"):
        raise UsageError(f"secrets would travel in clear: {url}", where="--url", hint=hint)


def open_socket(address: Address) -> socket.socket:
    """Answer a listening socket; raises StateError where the address cannot be had."""
    listener = socket.socket(socket.AddressFamily(address.family), socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address.ip, address.port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise StateError(
            f"cannot listen at {address.host}:{address.port}: {error.strerror}",
            where="--listen",
            hint="name another port, or 0 for any free one: --listen 127.0.0.1:0",
        ) from error
    return listener


def allow_many_connections() -> None:
    """Raise this process's limit of open files as far as it may: each connection is one."""
    if os.name == "posix":
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        with contextlib.suppress(ValueError, OSError):  # macOS says that there is no limit, and takes none
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def url_of(
    address: Address,
    listener: socket.socket,
    *,
    is_tls: bool,
    host_name: Callable[[], str] = socket.gethostname,
) -> str:
    """Answer the address to reach a listening socket at, with its real port.

    Where it listens at every address of this machine, that is by the machine's name.
    """
    host = host_name() if ipaddress.ip_address(address.ip.partition("%")[0]).is_unspecified else address.host
    host = f"[{host}]" if ":" in host else host
    return f"{'https' if is_tls else 'http'}://{host}:{listener.getsockname()[1]}"
