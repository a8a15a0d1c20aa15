"""A real server in a process of its own, on a core of its own where there are two."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from benchmarks.swarm.exchange import Address
from envguard.wire import read_join

_BARE = """
import json, socket
import uvicorn

BODY = b'{"wants_records":false,"policies_changed":false,"next_in_s":60.0}'
HEADERS = [(b"content-length", b"%d" % len(BODY)), (b"content-type", b"application/json")]

async def app(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})

listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
url = f"http://127.0.0.1:{listener.getsockname()[1]}"
print(json.dumps({"url": url, "join": "", "admin_token_file": ""}), flush=True)
options = {"log_config": None, "access_log": False, "lifespan": "off", "ws": "none", "server_header": False}
uvicorn.Server(uvicorn.Config(app, **options)).run(sockets=[listener])
"""
_SERVER = ("-m", "envguard.cli.main", "server", "--json")
_TICKS_S = os.sysconf("SC_CLK_TCK")


class Serving(msgspec.Struct, frozen=True):
    """A server that answers."""

    process: subprocess.Popen[str]
    address: Address
    join_token: str
    admin: str

    def processor_s(self) -> float:
        """Answer the processor time that its process has taken."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_S

    def resident_mb(self) -> float:
        """Answer the memory that its process holds."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextlib.contextmanager
def serving(
    state: Path, database: str | None = None, *, core: int | None = None, port: int = 0
) -> Iterator[Serving]:
    """Run a server on this state until the block ends."""
    more = () if database is None else ("--database", database)
    command = [*_SERVER, "--listen", f"127.0.0.1:{port}", "--state", str(state), *more]
    with _running(command, core) as process:
        yield _told(process)


@contextlib.contextmanager
def bare(*, core: int | None = None) -> Iterator[Serving]:
    """Run uvicorn with an application that reads the request and answers as many bytes, and no more."""
    with _running(["-c", _BARE], core) as process:
        yield _told(process)


@contextlib.contextmanager
def _running(arguments: list[str], core: int | None) -> Iterator[subprocess.Popen[str]]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ENVGUARD")}
    tied = ["taskset", "-c", str(core)] if core is not None else []
    command = [*tied, sys.executable, *arguments]
    with subprocess.Popen(command, env=kept, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _told(process: subprocess.Popen[str]) -> Serving:
    assert process.stdout is not None
    told = json.loads(process.stdout.readline())
    parts = urlsplit(told["url"])
    assert parts.hostname is not None
    assert parts.port is not None
    token, admin = told["join"], told["admin_token_file"]
    return Serving(
        process,
        Address(parts.hostname, parts.port),
        read_join(token).token if token else "",
        Path(admin).read_text(encoding="ascii").strip() if admin else "",
    )
