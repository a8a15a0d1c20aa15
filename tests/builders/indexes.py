"""A package index on this machine's loopback, as pip and uv ask one, with a password where it is wanted."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.builders.wheels import module_name


@contextlib.contextmanager
def serve_index(folder: Path, login: str | None = None) -> Iterator[str]:
    """Serve the files of a folder, and answer the address; ``login`` is ``user:password``, which it holds."""
    wanted = None if login is None else "Basic " + base64.b64encode(login.encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if wanted is not None and self.headers.get("Authorization") != wanted:
                self._answer(401, b"", "text/plain")
                return
            kind, _, name = self.path.strip("/").partition("/")
            if kind == "simple":
                found = [each for each in sorted(folder.iterdir()) if each.is_file() and _is_of(each, name)]
                links = "".join(map(_link, found))
                self._answer(200 if found else 404, links.encode(), "text/html")
            else:
                self._answer(200, (folder / name).read_bytes(), "application/octet-stream")

        do_HEAD = do_GET  # noqa: N815 - as the class has it

        def _answer(self, code: int, body: bytes, kind: str) -> None:
            self.send_response(code)
            if code == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="index"')
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the class has it
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        before = "" if login is None else f"{login}@"
        yield f"http://{before}127.0.0.1:{server.server_port}/simple"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _link(path: Path) -> str:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return f'<a href="/files/{path.name}#sha256={digest}">{path.name}</a>'


def _is_of(path: Path, name: str) -> bool:
    return module_name(path.name.partition("-")[0]) == module_name(name)
