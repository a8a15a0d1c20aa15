"""The names and addresses that the server's certificate is for."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

import msgspec

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Names(msgspec.Struct, frozen=True):
    """DNS names and IP addresses, each sorted, as a certificate writes them."""

    dns: tuple[str, ...]
    addresses: tuple[str, ...]

    def covers(self, other: Names) -> bool:
        """Whether every name and address of the other is among these."""
        return set(self.dns) >= set(other.dns) and set(self.addresses) >= set(other.addresses)


def host_names(
    name: Callable[[], str] = socket.gethostname,
    ask: Callable[..., Iterable[tuple[object, ...]]] | None = None,
) -> tuple[str, ...]:
    """Answer what this machine is called: by itself, and with its domain where a resolver knows it."""
    short = name()
    try:
        found = (ask or socket.getaddrinfo)(short, None, flags=socket.AI_CANONNAME)
        return (short, *(str(each[3]) for each in found if each[3]))
    except (OSError, UnicodeError):
        return (short,)


def names_of(url: str, hosts: Iterable[str]) -> Names:
    """Answer the names for an address that machines are given, for these hosts, and for loopback.

    A host that no certificate can name is left out.
    """
    every = (urlsplit(url).hostname or "", *hosts, *_LOOPBACK)
    found = [_address(host) for host in every]
    dns = {_dns_name(host) for host, address in zip(every, found, strict=True) if address is None}
    addresses = {str(each) for each in found if each is not None and not each.is_unspecified}
    return Names(tuple(sorted(filter(None, dns))), tuple(sorted(addresses)))


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _dns_name(host: str) -> str | None:
    try:
        return host.rstrip(".").lower().encode("idna").decode("ascii")
    except UnicodeError:
        return None
