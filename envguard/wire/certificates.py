"""Certificates as join strings, machines and the server name them.

Apart from the messages: it imports ssl, which most commands do not need.
"""

from __future__ import annotations

import hashlib
import ssl

NOT_YET_VALID, EXPIRED = 9, 10
"""OpenSSL's verify codes."""

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"

_IS = {
    NOT_YET_VALID: "not valid yet",
    EXPIRED: "expired",
    62: "for another name",
    64: "for another address",
}


def fingerprint_of(certificate: str) -> str:
    """Answer the fingerprint of one certificate in PEM; ValueError where it is none."""
    return f"sha256:{hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.strip())).hexdigest()}"


def first_certificate(text: str) -> str:
    """Answer the first certificate in a PEM text, and nothing beside it; ValueError without one."""
    block = text[text.index(_BEGIN) : text.index(_END) + len(_END)]
    return ssl.DER_cert_to_PEM_cert(ssl.PEM_cert_to_DER_cert(block))


def certificate_is(refused: ssl.SSLCertVerificationError) -> str:
    """Answer what is wrong with a certificate, in words."""
    return _IS.get(refused.verify_code, "not trusted")


def is_about_place(refused: ssl.SSLCertVerificationError) -> bool:
    """Whether a certificate is right, but for another server's name or address."""
    return refused.verify_code in _IS and not is_about_time(refused)


def is_about_time(refused: ssl.SSLCertVerificationError) -> bool:
    """Whether a certificate is refused for the time, on either side."""
    return refused.verify_code in (NOT_YET_VALID, EXPIRED)
