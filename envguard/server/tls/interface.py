"""Where the server's certificate comes from."""

from __future__ import annotations

import ssl
from typing import Protocol

AUTHORITY_FILE = "ca.pem"
"""In the server's state folder: the certificate of its own authority."""
CERTIFICATE_FILE = "tls.pem"
"""Likewise: the server's key, and the certificate for it."""


class Source(Protocol):
    """One certificate with its key, which changes now and then."""

    @property
    def authority(self) -> str | None:
        """The certificate that machines shall pin, as PEM; None where they trust whoever signed already."""

    def newer(self) -> ssl.SSLContext | None:
        """Answer a context with the certificate, None where it is still the one that was answered last.

        Raises UsageError or StateError where there is none that machines would take.
        """


def a_context() -> ssl.SSLContext:
    """Answer a server's context, yet without a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # A resumed session shows no certificate: who comes back after a renewal would never see the new one.
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET
    return context
