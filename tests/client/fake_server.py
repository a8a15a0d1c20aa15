"""A real server on loopback that answers what a test tells it to."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Told:
    """One answer; ``drip_s`` waits before each byte of the body."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    drip_s: float = 0.0


@dataclass
class FakeServer:
    """Where it listens and what it was asked."""

    url: str
    asked: list[Asked]
    gone: threading.Event


@contextmanager
def serving(answer: Callable[[Asked], Told], tls: ssl.SSLContext | None = None) -> Iterator[FakeServer]:
    """Serve on a free port while the context lasts."""
    asked: list[Asked] = []
    gone = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = Asked(self.command, self.path, dict(self.headers.items()), body)
            asked.append(request)
            told = answer(request)
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(told.body)))
            self.end_headers()
            try:
                self._write(told)
            except OSError:
                self.close_connection = True

        def _write(self, told: Told) -> None:
            if not told.drip_s:
                self.wfile.write(told.body)
                return
            for byte in told.body:
                if gone.wait(told.drip_s):
                    return
                self.wfile.write(bytes([byte]))
                self.wfile.flush()

        do_GET = do_POST = do_PUT = _serve  # noqa: N815 - http.server's names

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        scheme = "http" if tls is None else "https"
        yield FakeServer(f"{scheme}://127.0.0.1:{server.server_address[1]}", asked, gone)
    finally:
        gone.set()
        server.shutdown()
        thread.join()
        server.server_close()
