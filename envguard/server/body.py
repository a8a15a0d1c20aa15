"""Reads a request's body: size-capped before it is decompressed or parsed, and refused with its place."""

from __future__ import annotations

import zlib
from typing import TypeVar

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import Receive

from envguard.server.refusals import RefusalError
from envguard.wire import BODY_LIMIT_BYTES

T = TypeVar("T")
Buffer = TypeVar("Buffer", bytes, bytearray)

_WINDOW_BITS = {"deflate": zlib.MAX_WBITS, "gzip": zlib.MAX_WBITS | 16}
_AT_ONCE_BYTES = 64 * 1024
"""What is decoded in the event loop itself; 8 MiB would hold up everybody else for a tenth of a second."""


async def read_message(request: Request, kind: type[T], *, limit_bytes: int = BODY_LIMIT_BYTES) -> T:
    """Answer the body as a message; raises RefusalError with 400, 413 or 415."""
    body = await read_body(request, limit_bytes=limit_bytes)
    return decode(body, kind) if len(body) <= _AT_ONCE_BYTES else await run_in_threadpool(decode, body, kind)


async def read_body(request: Request, *, limit_bytes: int = BODY_LIMIT_BYTES) -> bytes:
    """Answer the decompressed body; neither it nor what was sent is over the limit."""
    headers = request.headers
    announced = headers.get("content-length", "")
    body = await received(request.receive, announced, limit_bytes=limit_bytes)
    return await decompressed(body, headers.get("content-encoding", "identity"), limit_bytes=limit_bytes)


async def decompressed(body: bytes, encoding: str, *, limit_bytes: int) -> bytes:
    """Answer the plain body of a ``Content-Encoding``, apart from the event loop."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    return await run_in_threadpool(decompress, body, encoding, limit_bytes)


async def received(receive: Receive, announced: str, *, limit_bytes: int) -> bytes:
    """Answer a request's body as it was sent; ``announced`` is its ``Content-Length``."""
    if announced.isdecimal() and int(announced[:20]) > limit_bytes:
        raise _too_large(limit_bytes)
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        whole: bytes = message.get("body", b"")
        return _within(whole, limit_bytes)  # nearly always: it came in one piece
    body = bytearray()
    while message["type"] == "http.request":
        body += message.get("body", b"")
        _within(body, limit_bytes)
        if not message.get("more_body"):
            return bytes(body)
        message = await receive()
    raise RefusalError(400, "the body ended before its announced length")


def decompress(body: bytes, encoding: str, limit_bytes: int = BODY_LIMIT_BYTES) -> bytes:
    """Answer the plain body of a ``Content-Encoding``; never makes more than the limit of it."""
    if encoding not in _WINDOW_BITS:
        raise RefusalError(
            415, f"the server does not read this content encoding: {encoding}", "use deflate or gzip"
        )
    unpacker = zlib.decompressobj(_WINDOW_BITS[encoding])
    try:
        plain = unpacker.decompress(body, limit_bytes + 1)
    except zlib.error as error:
        raise RefusalError(400, f"the body is not {encoding} data") from error
    if len(plain) > limit_bytes:
        raise _too_large(limit_bytes)
    if not unpacker.eof or unpacker.unused_data:
        raise RefusalError(400, f"the body's {encoding} data is cut off, or followed by something else")
    return plain


def decode(body: bytes, kind: type[T]) -> T:
    """Answer the JSON body as a message; the refusal names the key path that is wrong."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, ValueError) as error:
        raise RefusalError(400, f"malformed body: {error}") from error
    except RecursionError as error:
        raise RefusalError(400, "malformed body: nested too deeply") from error


def _within(body: Buffer, limit_bytes: int) -> Buffer:
    if len(body) > limit_bytes:
        raise _too_large(limit_bytes)
    return body


def _too_large(limit_bytes: int) -> RefusalError:
    return RefusalError(413, f"the body is larger than the server takes: {limit_bytes} bytes")
