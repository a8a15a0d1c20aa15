"""Children that make environments: without a terminal, in a group of their own that ends with its parent.

No child asks anybody for a password: there is nobody who could answer it.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress

from envguard.domain.secrets import without_logins

_ENDS_WITHIN_S = 5.0
_SHOWN_BYTES = 64 * 1024
_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_SHOWN_LINES = 12


class Children:
    """Children of one work: what they print is kept in a file, and a lock is theirs as well."""

    def __init__(self, cwd: str, log: str, lock: int) -> None:
        """Take where they run, the file for what they print, and the lock's descriptor."""
        self._cwd = cwd
        self._log = log
        self._lock = lock

    def __call__(self, words: Sequence[str], environ: Mapping[str, str]) -> int:
        """Run a command to its end; where this process is stopped meanwhile, the whole group is."""
        descriptor = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            process = subprocess.Popen(
                words,
                cwd=self._cwd,
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                start_new_session=True,
                pass_fds=(self._lock,),
            )
        finally:
            os.close(descriptor)
        try:
            return process.wait()
        except BaseException:
            _end(process)
            raise

    def said(self) -> str:
        """Answer the last lines of the last child, without what stands before ``@`` in addresses."""
        try:
            with open(self._log, "rb") as file:
                file.seek(max(os.fstat(file.fileno()).st_size - _SHOWN_BYTES, 0))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            return ""
        return _telling(without_logins(_STYLE.sub("", text)))


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_ENDS_WITHIN_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # those that the child started
    process.wait()


def _telling(text: str) -> str:
    """The lines that say what went wrong: each of pip's begins with a word, the last of uv's follow one."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    of_pip = [line for line in lines if line.startswith("ERROR:")]
    if of_pip:
        return "\n".join(of_pip[-_SHOWN_LINES:])
    first = next((place for place, line in enumerate(lines) if line.startswith("error")), 0)
    return "\n".join(lines[first:][:_SHOWN_LINES] if first else lines[-_SHOWN_LINES:])
