"""One request and its answer over HTTP, bounded in time and size."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import urlsplit

import msgspec
import requests
import urllib3

from envguard import __version__
from envguard.client.answers import Answer
from envguard.client.trust import Trust, in_chain, tls_hint, tls_reason
from envguard.errors import TransportError, UsageError
from envguard.wire import BODY_LIMIT_BYTES

CONNECT_TIMEOUT_S = 5.0
SILENCE_TIMEOUT_S = 20.0
"""The longest that the server may say nothing."""

TOTAL_TIMEOUT_S = 60.0
"""The longest that one answer may take."""

_OF_ALL = {"Accept-Encoding": "identity", "User-Agent": f"envguard/{__version__}"}
"""What every request says of who asks, and how it is to be answered."""

_CHUNK_BYTES = 16 * 1024
_URL_HINT = "such as https://envguard.example:8750"


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


def exchange(
    session: requests.Session,
    method: str,
    url: str,
    *,
    body: bytes | None,
    headers: Mapping[str, str],
    timeouts: Timeouts,
    trust: Trust,
    clock: Callable[[], float] = time.monotonic,
) -> Answer:
    """Send a request and answer what came back, whatever it says; TransportError when nothing whole did."""
    ends_at = clock() + timeouts.total_s
    try:
        with session.request(
            method,
            url,
            data=body,
            headers={**_OF_ALL, **headers},
            timeout=(timeouts.connect_s, timeouts.silence_s),
            allow_redirects=False,
            stream=True,
        ) as response:
            content = _read(response, url, lambda: clock() > ends_at)
            names = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status_code, names, content)
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise TransportError(_reason(error), where=url, hint=_hint(error, url, trust)) from error


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


def _is_cut_off(error: Exception) -> bool:
    """Whether the other side closed the connection without a word, as one does that speaks TLS only."""
    return in_chain(error, ConnectionError) is not None and in_chain(error, ConnectionRefusedError) is None


def _reason(error: Exception) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return tls_reason(error)
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "the server cannot be reached: no answer in time"
    if isinstance(error, (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError)):
        return "the server did not answer in time"
    if _is_cut_off(error):
        return "the connection was closed before an answer came"
    if isinstance(error, requests.exceptions.ConnectionError):
        return "the server cannot be reached"
    if isinstance(error, requests.exceptions.InvalidURL):
        return "not an address that can be asked"
    return "the answer broke off or could not be understood"


def _hint(error: Exception, url: str, trust: Trust) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return tls_hint(error, trust)
    if url.startswith("http:") and _is_cut_off(error):
        return "does the server speak TLS? then its address begins with https://; else its log says more"
    return "does it run, and does this machine reach its address?"
