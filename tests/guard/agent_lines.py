"""What an agent writes of an environment, line by line, and an agent that answers on a socket."""

from __future__ import annotations

import os
import socket
import threading
import time
from binascii import crc32
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.guard.places import Place

BOOT = Path("/proc/sys/kernel/random/boot_id")
DRIFT = (
    "version-mismatch",
    "error",
    "gym",
    "==0.26.2",
    "0.25.2",
    "step()",
    "rl-team.yaml:7",
    "pip install x",
    "",
)


def lines(
    place: Place,
    outcome: str = "compliant",
    *,
    findings: Sequence[Sequence[str]] = (),
    bound_by: str = "marker",
    before_run: str = "refuse",
    notes: Sequence[str] | None = None,
    **others: str,
) -> list[str]:
    """The verdict's lines without its end; ``others`` replace lines by their first word."""
    now = time.time()
    fields = {
        "environment": os.path.realpath(place.env),
        "boot": BOOT.read_text().strip(),
        "times": f"{now - 5}\t{now + 900}",
        "policy": f"rl-team\t8\tsha256:p\t{bound_by}\t{before_run}",
        "verdict": outcome,
        "digest": "sha256:d",
        "source": "policy named in pyproject.toml:2",
        **others,
    }
    told = [f"{name}\t{text}" for name, text in fields.items()]
    told += ["\t".join(("finding", *finding)) for finding in findings]
    return ["envguard-verdict 1", *told, *(notes_on(place) if notes is None else notes)]


def notes_on(place: Place) -> list[str]:
    """Notes on the environment's site-packages, on what is in it, and on a file that is not there."""
    inside = [note(path, path.name) for path in sorted(place.site.iterdir())]
    absent = place.project / "absent"
    return [
        f"in\t{place.site}",
        *inside,
        "in\t",
        note(place.site, str(place.site)),
        f"is\t0\t0\t0\t0\t{absent}",
    ]


def note(path: Path, name: str) -> str:
    status = path.stat()
    return f"is\t{status.st_dev}\t{status.st_ino}\t{status.st_mtime_ns}\t{status.st_ctime_ns}\t{name}"


def whole(told: Sequence[str]) -> bytes:
    return "\n".join([*told, f"end\t{len(told)}", ""]).encode("utf-8", "surrogateescape")


def place_of(place: Place) -> Path:
    """Where the agent keeps the verdict."""
    path = os.path.realpath(place.env)
    plain = "".join(
        sign if sign.isascii() and (sign.isalnum() or sign in ".-") else "_" for sign in path[-80:]
    )
    return place.runtime / "envguard" / "verdicts" / f"{plain}-{crc32(os.fsencode(path)):08x}"


def write(place: Place, content: bytes, mode: int = 0o644) -> Path:
    """Write the verdict as the agent does."""
    path = place_of(place)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
    return path


@contextmanager
def agent(place: Place, answer: bytes | None, *, mode: int = 0o755) -> Iterator[list[bytes]]:
    """An agent that answers so and closes; None: that does neither. Yields what it was asked."""
    folder = place.runtime / "envguard"
    folder.mkdir(exist_ok=True)
    asked: list[bytes] = []
    held: list[socket.socket] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(folder / "agent.sock"))
        folder.chmod(mode)
        listening.listen()
        listening.settimeout(0.1)
        ended = threading.Event()

        def serve() -> None:
            while not ended.is_set():
                try:
                    connection, _ = listening.accept()
                except TimeoutError:
                    continue
                asked.append(connection.recv(65536))
                if answer is None:
                    held.append(connection)
                else:
                    connection.sendall(answer)
                    connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield asked
        finally:
            ended.set()
            thread.join()
            for connection in held:
                connection.close()
