"""Whether TLS is spoken, and with whose certificate: what the command line asked for, as one decision."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from envguard.errors import UsageError
from envguard.server.tls.given import (
    AUTHORITY_OPTION,
    CERTIFICATE_OPTION,
    KEY_OPTION,
    GivenCertificate,
    GivenFiles,
    read_authority,
)
from envguard.server.tls.names import host_names, names_of
from envguard.server.tls.serving import Serving

TlsKind = Literal["off", "own", "given"]


class TlsOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for."""

    is_wanted: bool | None = None
    """None: unless only this machine can connect."""
    certificate: Path | None = None
    key: Path | None = None
    """None: it is in the certificate's file."""
    authority: Path | None = None
    """What machines shall pin, with a certificate of somebody else's making, here or at a proxy."""


class Chosen(msgspec.Struct, frozen=True):
    """What is served."""

    kind: TlsKind
    authority: str | None
    """The certificate that machines pin, as PEM."""
    serving: Serving | None


def kind_of(options: TlsOptions, *, is_loopback: bool) -> TlsKind:
    """Answer whose certificate is wanted; raises UsageError where the options contradict each other."""
    if options.certificate is None and options.key is not None:
        raise UsageError(
            "a key without its certificate", where=KEY_OPTION, hint=f"add {CERTIFICATE_OPTION} FILE"
        )
    if options.certificate is not None:
        if options.is_wanted is False:
            raise UsageError(
                "a certificate, and no TLS to show it in", where="--no-tls", hint="leave one of the two away"
            )
        return "given"
    kind: TlsKind = "own" if options.is_wanted or (options.is_wanted is None and not is_loopback) else "off"
    if kind == "own" and options.authority is not None:
        raise UsageError(
            "an authority, and no certificate that it signed",
            where=AUTHORITY_OPTION,
            hint=f"add {CERTIFICATE_OPTION} FILE {KEY_OPTION} FILE; or --no-tls, if a proxy has them",
        )
    return kind


def given_or_off(options: TlsOptions, url: str) -> Chosen:
    """Answer what is served without a certificate of the server's making; raises UsageError."""
    if options.certificate is None:
        authority = None if options.authority is None else read_authority(options.authority)
        return Chosen("off", authority, None)
    files = GivenFiles(
        certificate=options.certificate, key=options.key or options.certificate, authority=options.authority
    )
    source = GivenCertificate(files, urlsplit(url).hostname or "")
    return Chosen("given", source.authority, Serving(source))


def own(state: Path, url: str, host: str, now: Callable[[], datetime]) -> Chosen:
    """Answer what is served by the server's own authority in its state folder; raises StateError."""
    # cryptography takes 60 ms, and not every server needs it
    from envguard.server.tls.own import OwnCertificate

    source = OwnCertificate(state, lambda: names_of(url, (host, *host_names())), now)
    return Chosen("own", source.authority, Serving(source))
