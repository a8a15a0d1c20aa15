"""By which certificates a server is known: the one place that decides it.

Rules
1. A server whose authority is pinned is known by that authority alone, and never by what this machine trusts.
2. Any other is known by what this machine trusts; without a store of the system's own, by certifi's list.
3. The address is checked too, always.
4. A session that checks nothing is for one thing: to fetch the authority's certificate, which is compared
   with its fingerprint before a secret is sent.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TypeVar

import msgspec
import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import HTTPSConnectionPool

from envguard.wire.certificates import certificate_is, is_about_place, is_about_time

E = TypeVar("E", bound=BaseException)


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """Whose signature makes a server the right one."""

    authority: str | None = None
    """The only certificates that may sign the server's, as PEM; None: those that this machine trusts."""
    named: str = "an authority that this machine trusts"
    """What people call it."""
    hint: str | None = None
    """What to do where the server's certificate is signed by another."""


SYSTEM_TRUST = Trust()


def pinned(authority: str) -> Trust:
    """Answer the trust in the authority of the server that this machine joined."""
    return Trust(
        authority=authority,
        named="the authority that this machine joined it by",
        hint="if the server's authority was made anew: envguard join STRING, by a new string",
    )


def is_authorities(text: str) -> bool:
    """Whether a text holds at least one certificate in PEM, and none that is broken."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError):
        return False
    return "BEGIN CERTIFICATE" in text


def new_session(url: str, trust: Trust) -> requests.Session:
    """Answer a session that takes no proxy, certificate or password from its surroundings."""
    session = _bare_session()
    if url.startswith("https:"):
        session.mount("https://", _Checking(_context(trust)))
    return session


def unchecked_session() -> requests.Session:
    """Answer a session that believes whoever answers; no secret may go through it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    session = _bare_session()
    session.mount("https://", _Checking(context))
    return session


def tls_reason(error: Exception) -> str:
    """Answer why no connection over TLS was made."""
    refused = in_chain(error, ssl.SSLCertVerificationError)
    if refused is None:
        return "no TLS is spoken there, or another kind of it"
    return f"the server's certificate is {certificate_is(refused)}"


def tls_hint(error: Exception, trust: Trust) -> str:
    """Answer what to do about it."""
    refused = in_chain(error, ssl.SSLCertVerificationError)
    if refused is None:
        return "does the address begin with https:// by mistake?"
    if is_about_time(refused):
        return "is this machine's clock right? then the server needs a new certificate"
    if is_about_place(refused) or trust.hint is None:
        return f"its certificate must be for this address, signed by {trust.named}"
    return f"its certificate must be signed by {trust.named}; {trust.hint}"


class _Checking(HTTPAdapter):
    """Speaks TLS by one context, where requests would add certifi's list to what it trusts."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **options: object
    ) -> None:
        super().init_poolmanager(connections, maxsize, block, **{**options, "ssl_context": self._context})

    def cert_verify(self, conn: HTTPSConnectionPool, *_: object, **__: object) -> None:
        conn.cert_reqs = self._context.verify_mode.name
        conn.ca_certs = conn.ca_cert_dir = None


def _bare_session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    return session


def _context(trust: Trust) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks names and certificates
    if trust.authority is not None:
        context.load_verify_locations(cadata=trust.authority)
        return context
    # Not by SSL_CERT_FILE, which conda sets: in each environment a server would be known by another list.
    places = ssl.get_default_verify_paths()
    file, folder = Path(places.openssl_cafile), Path(places.openssl_capath)
    if file.is_file():
        context.load_verify_locations(cafile=file)
    if _has_entries(folder):
        context.load_verify_locations(capath=folder)
    elif not file.is_file():
        context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    return context


def _has_entries(folder: Path) -> bool:
    try:
        return any(folder.iterdir())
    except OSError:
        return False


def in_chain(error: BaseException, kind: type[E]) -> E | None:
    """Answer the error of this kind behind another, however libraries wrapped it."""
    waiting: list[object] = [error]
    seen: list[object] = []
    while waiting:
        each = waiting.pop()
        if isinstance(each, kind):
            return each
        if isinstance(each, BaseException) and each not in seen:
            seen.append(each)
            waiting += [each.__cause__, each.__context__, getattr(each, "reason", None), *each.args]
    return None
