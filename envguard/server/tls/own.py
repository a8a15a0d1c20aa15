"""Certificates that the server makes itself, signed by an authority of its own.

Rules
1. The authority is made once, and never again while anything of it is there: machines are pinned to it. What
   is lost or damaged is said, and not replaced; but a start that was cut off goes on with its key.
2. The certificate is made anew ten days before its end, and when the server is called by a name that it is
   not for. What is in the file counts, so several servers on one state folder show the same.
3. Files are written as a whole, and by one process at a time.
"""

from __future__ import annotations

import contextlib
import fcntl
import ssl
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from envguard.errors import StateError
from envguard.log import get_log
from envguard.server.tls import making
from envguard.server.tls.interface import AUTHORITY_FILE, CERTIFICATE_FILE, a_context
from envguard.server.tls.names import Names
from envguard.state import open_lock, read_file, write_file

AUTHORITY_KEY_FILE = "ca-key.pem"

_LOCK_FILE = "tls.lock"
_SAID_BEFORE_END = timedelta(days=365)
_ANEW = (
    f"or move {AUTHORITY_FILE}, {AUTHORITY_KEY_FILE} and {CERTIFICATE_FILE} away: they are made anew, "
    "and every machine has to join again"
)

_log = get_log(__name__)


class OwnCertificate:
    """The server's own certificate in its state folder."""

    def __init__(self, state: Path, names: Callable[[], Names], now: Callable[[], datetime]) -> None:
        """Make what is not there yet; raises StateError."""
        self._state = state
        self._names = names
        self._now = now
        self._shown: str | None = None
        with self._alone():
            self._authority, self._key = self._kept_authority()

    @property
    def authority(self) -> str:
        """The authority's certificate, as PEM."""
        return self._authority

    def newer(self) -> ssl.SSLContext | None:
        """Answer a context with the certificate, renewed if it is time; None where it is the same."""
        names = self._names()  # a resolver may take its time: not while the lock is held
        with self._alone():
            certificate = self._kept_certificate(names)
            if certificate == self._shown:
                return None
            context = a_context()
            context.load_cert_chain(self._state / CERTIFICATE_FILE)
        self._shown = certificate
        return context

    def _kept_authority(self) -> tuple[str, str]:
        certificate_file, key_file = self._state / AUTHORITY_FILE, self._state / AUTHORITY_KEY_FILE
        certificate, key = _text(certificate_file), _text(key_file)
        if certificate is None and (self._state / CERTIFICATE_FILE).exists():
            raise StateError(
                "the server's authority is gone",
                where=str(certificate_file),
                hint=f"put it back: {AUTHORITY_FILE} of any machine that joined is the same; {_ANEW}",
            )
        if certificate is None:
            certificate, key = self._new_authority(key)
        if key is None:
            raise StateError(
                "the key of the server's authority is gone",
                where=str(key_file),
                hint=f"put it back from a backup; {_ANEW}",
            )
        with _damage_said(certificate_file):
            if not making.is_pair(certificate, key):
                raise ValueError(f"{AUTHORITY_KEY_FILE} is not its key")
            validity = making.validity_of(certificate)
        self._hold_to_its_time(validity, certificate_file)
        return certificate, key

    def _new_authority(self, key: str | None) -> tuple[str, str]:
        """Make an authority, with the key of a start that was cut off if there is one."""
        certificate_file, key_file = self._state / AUTHORITY_FILE, self._state / AUTHORITY_KEY_FILE
        if key is None:
            key = making.new_key()
            _write(key_file, key)
        with _damage_said(key_file):
            certificate = making.new_authority(key, self._now())
        _write(certificate_file, certificate)
        _log.info("authority_made", file=str(certificate_file))
        return certificate, key

    def _hold_to_its_time(self, validity: making.Validity, file: Path) -> None:
        now, ends_at = self._now(), f"{validity.ends_at:%Y-%m-%d}"
        if not validity.is_at(now):
            raise StateError(
                f"the server's authority is valid from {validity.begins_at:%Y-%m-%d} to {ends_at} only",
                where=str(file),
                hint=f"is this machine's clock right? {_ANEW}",
            )
        if now > validity.ends_at - _SAID_BEFORE_END:
            _log.warning("authority_ends_soon", ends_at=ends_at, file=str(file))

    def _kept_certificate(self, names: Names) -> str:
        """Answer the text of the certificate's file, written anew where it does not serve."""
        path = self._state / CERTIFICATE_FILE
        kept = _text(path)
        if kept is not None and self._serves(kept, names):
            return kept
        with _damage_said(self._state / AUTHORITY_FILE):
            fresh = making.new_certificate(self._authority, self._key, names, self._now())
        _write(path, fresh)
        _log.info("certificate_made", names=" ".join((*names.dns, *names.addresses)))
        return fresh

    def _serves(self, kept: str, names: Names) -> bool:
        try:
            validity = making.validity_of(kept)
            is_ours = making.is_pair(kept, kept) and making.is_signed_by(kept, self._authority)
        except ValueError:
            return False  # cut off or meddled with: another costs nothing
        now = self._now()
        authority_ends_at = making.validity_of(self._authority).ends_at
        renewed_at = min(validity.ends_at, authority_ends_at) - making.RENEWED_BEFORE_END
        # One that ends with the authority cannot be made to last longer.
        is_lasting = now < renewed_at or (validity.ends_at == authority_ends_at and validity.is_at(now))
        return is_ours and validity.begins_at <= now and is_lasting and validity.names.covers(names)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        with open_lock(self._state / _LOCK_FILE) as descriptor:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield


@contextlib.contextmanager
def _damage_said(path: Path) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise StateError(
            f"the server's authority is damaged: {error}",
            where=str(path),
            hint=f"put {AUTHORITY_FILE} and {AUTHORITY_KEY_FILE} back from a backup; {_ANEW}",
        ) from error


@contextlib.contextmanager
def _for_the_server() -> Iterator[None]:
    """Let an error say what the server's operator may do, and not what a machine's user may."""
    try:
        yield
    except StateError as error:
        hint = "is the disk full, or the folder another user's? envguard server --state DIR names another"
        raise StateError(error.what, where=error.where, hint=hint) from error


def _text(path: Path) -> str | None:
    with _for_the_server():
        content = read_file(path)
    return None if content is None else content.decode("ascii", "replace")


def _write(path: Path, text: str) -> None:
    with _for_the_server():
        write_file(path, text.encode())
