"""HTTP/1.1 over connections that stay open: so little of it that thousands of machines fit one process."""

from __future__ import annotations

import asyncio
from typing import cast

import msgspec

from envguard.client.answers import Answer

_HEAD_END = b"\r\n\r\n"


class BrokenOffError(Exception):
    """The connection ended, or could not be made, before an answer was whole."""


class Address(msgspec.Struct, frozen=True):
    """A server on this machine."""

    host: str
    port: int


def request(method: str, path: str, body: bytes, *, secret: str, encoding: str | None = None) -> bytes:
    """Answer a whole request as it goes over the wire."""
    packed = f"content-encoding: {encoding}\r\n" if encoding else ""
    head = (
        f"{method} /api/v1/{path} HTTP/1.1\r\nhost: envguard\r\nauthorization: Bearer {secret}\r\n"
        f"content-type: application/json\r\n{packed}content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Connection:
    """One connection with one request under way at a time; made anew where the server closed it."""

    def __init__(self, address: Address) -> None:
        """Connect with the first request."""
        self._address = address
        self._line: _Line | None = None

    async def ask(self, sent: bytes) -> Answer:
        """Send a request and answer what came back; raises BrokenOffError."""
        if self._line is None or self._line.is_over:
            try:
                _, self._line = await asyncio.get_running_loop().create_connection(
                    _Line, self._address.host, self._address.port
                )
            except OSError as error:
                raise BrokenOffError(str(error)) from error
        return await self._line.ask(sent)

    def close(self) -> None:
        """Hang up."""
        if self._line is not None:
            self._line.transport.abort()


class _Line(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self) -> None:
        self.is_over = False
        self._waiting: asyncio.Future[Answer] | None = None
        self._received = bytearray()

    def ask(self, sent: bytes) -> asyncio.Future[Answer]:
        self._waiting = asyncio.get_running_loop().create_future()
        self.transport.write(sent)
        return self._waiting

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's are none by their class

    def data_received(self, data: bytes) -> None:
        self._received += data
        head_size = self._received.find(_HEAD_END)
        if head_size < 0:
            return
        status, headers = _head(bytes(self._received[:head_size]))
        begin = head_size + len(_HEAD_END)
        end = begin + int(headers.get("content-length", "0"))
        if len(self._received) < end or self._waiting is None or self._waiting.done():
            return
        self.is_over = headers.get("connection") == "close"
        answer = Answer(status, headers, bytes(self._received[begin:end]))
        del self._received[:end]
        self._waiting.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_over = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(BrokenOffError(str(exc or "closed")))


def _head(text: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = text.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return int(first.split(" ", 2)[1]), {name.lower(): value.strip() for name, _, value in pairs}
