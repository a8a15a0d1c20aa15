"""A certificate and key that somebody else made, in files that are read again when they change.

Rules
1. What machines would refuse is refused at the start: another address, an end in the past, a key that is not
   the certificate's, an authority that did not sign it. Later it is logged, and the one before stays.
2. A key that every user of this machine may read is no secret.
3. A certificate that no authority signed is taken only where it is named as the authority too.
"""

from __future__ import annotations

import contextlib
import ssl
import stat
from pathlib import Path
from typing import NoReturn

import msgspec

from envguard.errors import UsageError
from envguard.server.tls.interface import a_context
from envguard.wire.certificates import certificate_is, first_certificate

CERTIFICATE_OPTION, KEY_OPTION, AUTHORITY_OPTION = "--tls-certificate", "--tls-key", "--tls-ca"
_NOT_A_PAIR = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED")
"""What OpenSSL calls a key of another certificate; the last two, one of another kind."""

_TURNS = 10
"""Of a handshake; it takes three."""

_Mark = tuple[int, int, int, int]


class GivenFiles(msgspec.Struct, frozen=True, kw_only=True):
    """Where they are."""

    certificate: Path
    """The server's, and those between it and the authority."""
    key: Path
    authority: Path | None = None
    """What machines shall pin; None where they trust who signed."""


class GivenCertificate:
    """A certificate of somebody else's making."""

    def __init__(self, files: GivenFiles, host: str) -> None:
        """``host`` is what machines call the server; raises UsageError where the authority cannot be read."""
        self._files = files
        self._host = host
        self._authority = None if files.authority is None else read_authority(files.authority)
        self._seen: tuple[_Mark, _Mark] | None = None

    @property
    def authority(self) -> str | None:
        """The certificate that machines shall pin, as PEM."""
        return self._authority

    def newer(self) -> ssl.SSLContext | None:
        """Answer a context with what is in the files; None where they are as they were."""
        seen = _mark(self._files.certificate, CERTIFICATE_OPTION), _mark(self._files.key, KEY_OPTION)
        if seen == self._seen:
            return None
        context = self._loaded()
        self._hold_to_what_machines_take(context)
        self._seen = seen
        return context

    def _loaded(self) -> ssl.SSLContext:
        certificate, key = self._files.certificate, self._files.key
        _hold_to_a_secret(key)
        _hold_to_kind(certificate, "CERTIFICATE", CERTIFICATE_OPTION)
        _hold_to_kind(key, "PRIVATE KEY", KEY_OPTION)
        context = a_context()
        try:
            context.load_cert_chain(certificate, key, password=lambda: _refuse_passphrase(key))
        except ssl.SSLError as error:
            if error.reason in _NOT_A_PAIR:
                raise UsageError(
                    f"the key is not the certificate's: {certificate} and {key}",
                    where=f"{CERTIFICATE_OPTION}, {KEY_OPTION}",
                    hint="name the two that were made together",
                ) from error
            raise UsageError(
                f"cannot be used: {certificate}, {key}: {error.reason or error}",
                where=f"{CERTIFICATE_OPTION}, {KEY_OPTION}",
                hint="both must be PEM; the certificate's file begins with the server's own",
            ) from error
        return context

    def _hold_to_what_machines_take(self, context: ssl.SSLContext) -> None:
        certificate = self._files.certificate
        own = first_certificate(_read(certificate, CERTIFICATE_OPTION))
        refused = refusal_by(
            self._authority or own, context, self._host, is_whole=self._authority is not None
        )
        if refused is not None:
            signed = f", or {self._files.authority} did not sign it" if self._authority is not None else ""
            raise UsageError(
                f"machines would refuse this certificate for {self._host}: it is {refused}: {certificate}",
                where=CERTIFICATE_OPTION,
                hint=f"it must be valid now, and for the host that --url names{signed}",
            )
        if self._authority is None and refusal_by(own, context, self._host, is_whole=True) is None:
            raise UsageError(
                f"no authority signed this certificate: {certificate}",
                where=CERTIFICATE_OPTION,
                hint=f"machines can pin it itself: {AUTHORITY_OPTION} {certificate}",
            )


def read_authority(file: Path) -> str:
    """Answer the one certificate in a file, as PEM; raises UsageError."""
    text = _read(file, AUTHORITY_OPTION)
    try:
        if text.count("-----BEGIN CERTIFICATE-----") != 1:
            raise ValueError("not one certificate")
        certificate = first_certificate(text)
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=certificate)
    except (ValueError, ssl.SSLError) as error:
        raise UsageError(
            f"not one certificate in PEM: {file}",
            where=AUTHORITY_OPTION,
            hint="name the authority's own certificate, alone in its file",
        ) from error
    return certificate


def refusal_by(authority: str, context: ssl.SSLContext, host: str, *, is_whole: bool) -> str | None:
    """Answer why a machine that knows this authority would refuse the certificate; None if it takes it.

    The two shake hands in memory. Not whole: the certificate need not lead to one that signed itself.
    """
    machine = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    machine.load_verify_locations(cadata=authority)
    if not is_whole:
        machine.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    to_machine, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = (
        machine.wrap_bio(to_machine, to_server, server_hostname=host),
        context.wrap_bio(to_server, to_machine, server_side=True),
    )
    try:
        for side in sides * _TURNS:
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
    except ssl.SSLCertVerificationError as refused:
        return certificate_is(refused)
    except ssl.SSLError as error:
        return f"of no use: {error.reason or error}"
    return None


def _hold_to_a_secret(key: Path) -> None:
    mode = stat.S_IMODE(key.stat().st_mode)
    if mode & 0o007:
        raise UsageError(
            f"every user of this machine may use this key: {key} has mode {mode:04o}",
            where=KEY_OPTION,
            hint=f"chmod o= {key}; if it was open for long, have another made",
        )


def _hold_to_kind(file: Path, kind: str, option: str) -> None:
    if f"{kind}-----" not in _read(file, option):
        raise UsageError(
            f"no {kind.lower()} in PEM: {file}", where=option, hint="were the two files exchanged?"
        )


def _read(file: Path, option: str) -> str:
    try:
        return file.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        _refuse_unreadable(file, option, error)


def _mark(file: Path, option: str) -> _Mark:
    try:
        found = file.stat()
    except OSError as error:
        _refuse_unreadable(file, option, error)
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _refuse_unreadable(file: Path, option: str, error: OSError) -> NoReturn:
    raise UsageError(
        f"cannot be read: {file}: {error.strerror or error}",
        where=option,
        hint="the server must be able to read it, as the user that it runs as",
    ) from error


def _refuse_passphrase(key: Path) -> NoReturn:
    raise UsageError(
        f"the key needs a passphrase, and nobody is there to type it: {key}",
        where=KEY_OPTION,
        hint=f"openssl pkey -in {key} -out PLAIN-KEY, for the server's user alone (chmod 600)",
    )
