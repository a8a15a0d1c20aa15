"""The agent's verdict, asked on its socket."""

import os
import stat

from envguard.guard.files import FILE_CAP, HEAD_CAP, bytes_of, text_of, trusted_uids
from envguard.guard.interpreter import recorded_prefixes, ticks
from envguard.guard.verdict_file import Told, escaped, runtime_folders, unescaped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Optional

    from envguard.guard.verdict import Answer

_SOCKET_S = 0.3


def by_socket(asked):
    # type: (Optional[str]) -> Answer
    """What the agent answers, by the policy that is asked for."""
    for folder in runtime_folders():
        path = os.path.join(folder, "agent.sock")
        if not is_trusted_socket(folder, path):
            continue
        try:
            content = _ask(path, asked)
        except (OSError, IOError, ValueError) as error:
            return None, "the agent does not answer: %s" % error
        told = Told.of(text_of(content))
        if told is not None and any(told.answers(prefix, asked) for prefix in recorded_prefixes()):
            return told.verdict, ""
        if content.startswith(b"refused\t"):
            return None, "the agent refuses: %s" % unescaped(text_of(content[8:HEAD_CAP]).partition("\n")[0])
        return None, "the agent's answer is not understood"
    return None, ""


def is_trusted_socket(folder, path):
    # type: (str, str) -> bool
    """Whether a socket is root's or this user's, in a folder where nobody else can put one."""
    own = trusted_uids()
    try:
        around, status = os.lstat(folder), os.lstat(path)
    except OSError:
        return False
    is_closed = stat.S_ISDIR(around.st_mode) and around.st_uid in own and not around.st_mode & 0o022
    return is_closed and stat.S_ISSOCK(status.st_mode) and status.st_uid in own


def _ask(path, asked):
    # type: (str, Optional[str]) -> bytes
    """The agent's answer, whole. Raises OSError where it takes longer than it may."""
    import socket

    began = ticks()
    line = "judge 1\t%s\t%s\n" % (escaped(recorded_prefixes()[0]), escaped(asked or ""))
    parts = []  # type: List[bytes]
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(_SOCKET_S)
        connection.connect(path)
        connection.sendall(bytes_of(line))
        while sum(map(len, parts)) <= FILE_CAP:
            left = began + _SOCKET_S - ticks()
            if left <= 0:
                raise OSError("it took over %d ms" % (_SOCKET_S * 1000))
            connection.settimeout(left)
            part = connection.recv(65536)
            if not part:
                return b"".join(parts)
            parts.append(part)
        raise OSError("it is too long")
    finally:
        connection.close()
