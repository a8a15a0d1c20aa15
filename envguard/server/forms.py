"""What a browser's form may be: sent by our own pages, of the one content type, and small."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request

from envguard.server.body import read_body
from envguard.server.refusals import RefusalError

_CONTENT_TYPE = "application/x-www-form-urlencoded"
_LIMIT_BYTES = 4096
_FIELDS_LIMIT = 10
_OURS = ("same-origin", "none")
"""What browsers say of a form of ours, and of what a person opened."""
_ANOTHER_SITE = "this form was sent from another site"
_OWN_PAGE = "open this server's own page"
_PORTS = {"http": 80, "https": 443}


def check_origin(request: Request, url: str) -> None:
    """Let pass what our own pages sent, or no browser at all; raises RefusalError with 403.

    ``url`` is the server's own address: a proxy in front may have changed the ``Host`` that it was asked by.
    """
    if request.headers.get("sec-fetch-site", "none") not in _OURS:
        raise RefusalError(403, _ANOTHER_SITE, _OWN_PAGE)
    origin = request.headers.get("origin")
    if origin is None:
        return
    asked_by = f"{origin.partition(':')[0]}://{request.headers.get('host', '')}"
    if _place(origin) is None or _place(origin) not in (_place(asked_by), _place(url)):
        raise RefusalError(403, _ANOTHER_SITE, _OWN_PAGE)


async def read_field(request: Request, name: str) -> str:
    """Answer one field of the form, empty where it is absent; raises RefusalError with 400, 413 or 415."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _CONTENT_TYPE:
        raise RefusalError(415, "this is not a form of this page", f"send it as {_CONTENT_TYPE}")
    body = await read_body(request, limit_bytes=_LIMIT_BYTES)
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=_FIELDS_LIMIT)
    except ValueError:  # more fields than any form of ours has
        return ""
    return fields.get(name, [""])[0].strip()


def _place(url: str) -> tuple[str, int] | None:
    """Answer host and port; None where it is no address."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    return (parts.hostname, port) if parts.hostname and port else None
