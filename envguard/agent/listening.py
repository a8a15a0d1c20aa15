"""The agent's socket on this machine: who connects sends one line, gets the answer, and is let go.

After the line of a receipt follow as many bytes as it says.

Rules
1. It is served by threads: the loop waits for seconds on the server and on its scans, and who asks waits a
   third of one. They feed no watchdog, and only say what the loop said last, and when that ends: a loop that
   hangs is still found out, by the service manager and by who asks.
2. A few talk at a time, of one user half as many, each for a moment, with a short line, or a message of a
   megabyte; on all others it hangs up.
3. Every user may connect to the superuser's, only its own user to another's: it is the kernel that says who
   asks.
4. An older socket is replaced only where it is ours and nobody answers on it.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from envguard.agent.rights import Peer
from envguard.agent.taking import WORD, bytes_announced
from envguard.errors import StateError
from envguard.log import get_log

TALKS_AT_MOST = 16
LINE_BYTES = 8192
PATIENCE_S = 0.3
"""How long a line, and then the taking of an answer, may last."""
BODY_PATIENCE_S = 1.0
"""How long what follows a line may last."""

_PER_USER = TALKS_AT_MOST // 2
_PATH_BYTES = 107
"""What the kernel has room for."""
_PAUSE_S = 0.1
_CHUNK_BYTES = 64 * 1024
_PEER = struct.Struct("3i")

_log = get_log(__name__)

Answer = Callable[[bytes, Peer], bytes]


class Listener:
    """Listens from :meth:`start` until :meth:`close`."""

    def __init__(self, path: Path, answer: Answer, take: Answer) -> None:
        """``answer`` takes the line without its end, and who sent it; it is called by many threads.

        ``take`` takes what follows the line of a receipt, likewise.
        """
        self._path = path
        self._answer = answer
        self._take = take
        self._socket: socket.socket | None = None
        self._file: tuple[int, int] | None = None
        self._talking: Counter[int] = Counter()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Listen, also in the place of a socket that nobody answers on; StateError where that cannot be."""
        if len(os.fsencode(self._path)) > _PATH_BYTES:
            raise StateError("the path is too long for a socket", where=str(self._path))
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            _clear_away(self._path)
            before = os.umask(0o177)
            try:
                listening.bind(os.fspath(self._path))
            finally:
                os.umask(before)
            if os.geteuid() == 0:
                self._path.chmod(0o666)
            listening.listen(socket.SOMAXCONN)  # the kernel sends away who finds no room
        except OSError as error:
            listening.close()
            raise StateError(f"cannot listen: {error.strerror or error}", where=str(self._path)) from error
        except StateError:
            listening.close()
            raise
        self._socket, self._file = listening, _file_at(self._path)
        threading.Thread(target=self._serve, args=(listening,), name="socket", daemon=True).start()

    def is_there(self) -> bool:
        """Whether it listens, and its socket is still where it was put."""
        return self._file is not None and _file_at(self._path) == self._file

    def close(self) -> None:
        """Listen no more, and take the socket away, unless it is another's by now."""
        if self._socket is None:
            return
        is_ours = self.is_there()
        listening, self._socket, self._file = self._socket, None, None
        if is_ours:
            with contextlib.suppress(OSError):
                self._path.unlink()
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits there
        listening.close()

    def _serve(self, listening: socket.socket) -> None:
        while self._socket is listening:
            try:
                connection, _ = listening.accept()
            except OSError:
                time.sleep(_PAUSE_S)  # closed, or too many files are open just now
                continue
            peer = _peer_of(connection)
            if peer is None or not self._admit(peer):
                connection.close()
                continue
            try:
                threading.Thread(target=self._talk, args=(connection, peer), daemon=True).start()
            except RuntimeError:  # no more threads are to be had
                self._dismiss(peer)
                connection.close()

    def _talk(self, connection: socket.socket, peer: Peer) -> None:
        try:
            with connection:
                answer = self._heard(connection, peer)
                if answer is not None:
                    connection.settimeout(PATIENCE_S)
                    connection.sendall(answer)
        except OSError:
            pass  # who asked did not wait
        except Exception as error:  # noqa: BLE001 - a bug must not end the answering
            _log.error("question_broke", reason=f"{type(error).__name__}: {error}")
        finally:
            self._dismiss(peer)

    def _heard(self, connection: socket.socket, peer: Peer) -> bytes | None:
        """Answer what is asked, or told; None where it is too long, or does not come in time."""
        found = _line_from(connection)
        if found is None:
            return None
        asked, rest = found
        if not asked.startswith(WORD):
            return self._answer(asked, peer)
        count = bytes_announced(asked)
        body = None if count is None else _body_from(connection, rest, count)
        return None if body is None else self._take(body, peer)

    def _admit(self, peer: Peer) -> bool:
        with self._lock:
            if self._talking.total() >= TALKS_AT_MOST or self._talking[peer.uid] >= _PER_USER:
                return False
            self._talking[peer.uid] += 1
            return True

    def _dismiss(self, peer: Peer) -> None:
        with self._lock:
            self._talking[peer.uid] -= 1


def _clear_away(path: Path) -> None:
    """Remove a dead socket of ours; StateError where anything else is there."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(status.st_mode) or status.st_uid != os.geteuid():
        raise StateError("something else is in the place of the socket", where=str(path))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(PATIENCE_S)
        try:
            asking.connect(os.fspath(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except FileNotFoundError:
            return
        except OSError:
            pass  # it is there, and busy
    raise StateError("another agent answers on the socket", where=str(path))


def _file_at(path: Path) -> tuple[int, int] | None:
    """What tells a file from all others; the kernel does not give the numbers of an open socket away."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _peer_of(connection: socket.socket) -> Peer | None:
    """Who is at the other end; None where the system does not say, and it might be anybody."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:  # only our own user can open the socket, unless we are root
        return Peer(os.geteuid(), os.getegid()) if os.geteuid() != 0 else None
    try:
        _, uid, gid = _PEER.unpack(connection.getsockopt(socket.SOL_SOCKET, option, _PEER.size))
    except OSError:
        return None
    return Peer(uid, gid)


def _line_from(connection: socket.socket) -> tuple[bytes, bytes] | None:
    """The first line, and what came with it; None where it is too long, or does not come in time."""
    ends_at = time.monotonic() + PATIENCE_S
    content = b""
    while b"\n" not in content and len(content) <= LINE_BYTES:
        chunk = _chunk_from(connection, ends_at, LINE_BYTES + 1)
        if not chunk:
            return None
        content += chunk
    asked, _, rest = content.partition(b"\n")
    return (asked, rest) if len(asked) <= LINE_BYTES else None


def _body_from(connection: socket.socket, begun: bytes, count: int) -> bytes | None:
    """So many bytes, of which some have come; None where they do not come in time."""
    ends_at, parts, missing = time.monotonic() + BODY_PATIENCE_S, [begun], count - len(begun)
    while missing > 0:
        chunk = _chunk_from(connection, ends_at, min(missing, _CHUNK_BYTES))
        if not chunk:
            return None
        parts.append(chunk)
        missing -= len(chunk)
    return b"".join(parts)[:count]


def _chunk_from(connection: socket.socket, ends_at: float, most: int) -> bytes:
    """What comes next; nothing where nothing more does, or the time is over. Raises OSError."""
    left_s = ends_at - time.monotonic()
    if left_s <= 0:
        return b""
    connection.settimeout(left_s)
    return connection.recv(most)
