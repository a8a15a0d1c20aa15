"""One request and its answer over HTTP, bounded in time and size."""

from __future__ import annotations

import ipaddress
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
import requests
import urllib3

from envguard.client.answers import Answer
from envguard.errors import TransportError, UsageError
from envguard.wire import BODY_LIMIT_BYTES

E = TypeVar("E", bound=BaseException)

CONNECT_TIMEOUT_S = 5.0
SILENCE_TIMEOUT_S = 20.0
"""The longest that the server may say nothing."""

TOTAL_TIMEOUT_S = 60.0
"""The longest that one answer may take."""

_CHUNK_BYTES = 16 * 1024
_URL_HINT = "such as https://envguard.example:8750"
_NOT_YET_VALID, _EXPIRED, _OTHER_NAME = 9, 10, 62
"""OpenSSL's verify codes."""

_CERTIFICATE_IS = {_NOT_YET_VALID: "not valid yet", _EXPIRED: "expired", _OTHER_NAME: "for another name"}


class Timeouts(msgspec.Struct, frozen=True):
    """How long each part of a request may take."""

    connect_s: float = CONNECT_TIMEOUT_S
    silence_s: float = SILENCE_TIMEOUT_S
    total_s: float = TOTAL_TIMEOUT_S


def checked_url(url: str, *, place: str | None = None) -> str:
    """Answer a server's address without a slash at its end; UsageError where secrets must not go there.

    ``place`` is where the address was written. An address that may hold a password is not repeated.
    """
    named = "" if "@" in url else f": {url!r}"
    not_one = UsageError(f"not a server's address{named}", where=place, hint=_URL_HINT)
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise not_one from error
    is_plain = url.isprintable() and not any(char in url for char in " \\")
    if parts.scheme not in ("http", "https") or not host or not is_plain:
        raise not_one
    if "@" in parts.netloc or "?" in url or "#" in url:
        raise UsageError("a server's address has no user, query or fragment", where=place, hint=_URL_HINT)
    if parts.scheme == "http" and not is_loopback(host):
        raise UsageError(
            f"refused: plain http would show the secret to the network: {url}",
            where=place,
            hint="use https, or reach the server through a tunnel to 127.0.0.1",
        )
    return url.rstrip("/")


def checked_token(token: str, *, place: str | None = None, hint: str) -> str:
    """Answer a token that can go into a header; the UsageError for another never repeats it."""
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        what = "not a token: it is empty, or has blanks, line ends or characters that no token has"
        raise UsageError(what, where=place, hint=hint)
    return token


def is_loopback(host: str) -> bool:
    """Whether a host name can only mean this computer."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def new_session() -> requests.Session:
    """Answer a session that takes no proxy, certificate or password from its surroundings."""
    session = requests.Session()
    session.trust_env = False
    return session


def exchange(
    session: requests.Session,
    method: str,
    url: str,
    *,
    body: bytes | None,
    headers: Mapping[str, str],
    timeouts: Timeouts,
    clock: Callable[[], float] = time.monotonic,
) -> Answer:
    """Send a request and answer what came back, whatever it says; TransportError when nothing whole did."""
    ends_at = clock() + timeouts.total_s
    try:
        with session.request(
            method,
            url,
            data=body,
            headers=dict(headers),
            timeout=(timeouts.connect_s, timeouts.silence_s),
            allow_redirects=False,
            stream=True,
        ) as response:
            content = _read(response, url, lambda: clock() > ends_at)
            names = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status_code, names, content)
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise TransportError(_reason(error), where=url, hint=_hint(error)) from error


def _read(response: requests.Response, url: str, is_over: Callable[[], bool]) -> bytes:
    content = bytearray()
    for chunk in _chunks(response):
        content += chunk
        if len(content) > BODY_LIMIT_BYTES:
            raise TransportError(
                "the answer is too large for an envguard server", where=url, hint="is the address right?"
            )
        if is_over():
            raise TransportError("the answer took too long", where=url, hint="try again later")
    return bytes(content)


def _chunks(response: requests.Response) -> Iterator[bytes]:
    """Answer the body as it arrives: a server that drips must not keep the clock from being looked at."""
    read1 = getattr(response.raw, "read1", None)
    if read1 is None:  # urllib3 before 2
        yield from response.iter_content(1024)
        return
    while chunk := read1(_CHUNK_BYTES, decode_content=True):
        yield chunk


def _reason(error: Exception) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return _tls_reason(error)
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "the server cannot be reached: no answer in time"
    if isinstance(error, (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError)):
        return "the server did not answer in time"
    if isinstance(error, requests.exceptions.ConnectionError):
        return "the server cannot be reached"
    if isinstance(error, requests.exceptions.InvalidURL):
        return "not an address that can be asked"
    return "the answer broke off or could not be understood"


def _tls_reason(error: Exception) -> str:
    refused = _in_chain(error, ssl.SSLCertVerificationError)
    if refused is None:
        return "no TLS is spoken there, or another kind of it"
    return f"the server's certificate is {_CERTIFICATE_IS.get(refused.verify_code, 'not trusted')}"


def _hint(error: Exception) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        refused = _in_chain(error, ssl.SSLCertVerificationError)
        if refused is None:
            return "does the address begin with https:// by mistake?"
        if refused.verify_code in (_NOT_YET_VALID, _EXPIRED):
            return "is this machine's clock right? then the server needs a new certificate"
        return "its certificate must be for this address, signed by an authority that this machine trusts"
    return "does it run, and does this machine reach its address?"


def _in_chain(error: BaseException, kind: type[E]) -> E | None:
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
