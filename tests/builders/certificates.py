"""Authorities, and what they signed, as the server makes them."""

from __future__ import annotations

import ssl
from datetime import datetime, timedelta, timezone
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from envguard.server.tls.making import new_authority, new_certificate, new_key
from envguard.server.tls.names import Names

HERE = Names(("localhost",), ("127.0.0.1",))
AN_HOUR = timedelta(hours=1)


def now() -> datetime:
    """Answer the real time: handshakes go by it."""
    return datetime.now(timezone.utc)


class Authority(msgspec.Struct, frozen=True):
    """An authority with its key, both as PEM."""

    certificate: str
    key: str

    def signed(self, names: Names = HERE, *, at: datetime | None = None, lasts: timedelta = AN_HOUR) -> str:
        """Answer a key and a certificate that begins an hour before ``at``."""
        return new_certificate(self.certificate, self.key, names, at or now(), lasts)


def an_authority() -> Authority:
    key = new_key()
    return Authority(new_authority(key, now() - timedelta(days=400)), key)


def written(path: Path, text: str, *, mode: int = 0o600) -> Path:
    path.write_text(text, encoding="ascii")
    path.chmod(mode)
    return path


def context_with(folder: Path, certificate: str) -> ssl.SSLContext:
    """Answer a server's context with a key and a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(written(folder / "fake-server.pem", certificate))
    return context


def halves(certificate: str) -> tuple[str, str]:
    """Answer certificate and key apart."""
    at = certificate.index("-----BEGIN CERTIFICATE-----")
    return certificate[at:], certificate[:at]


def self_signed(names: Names) -> str:
    """Answer a key and a certificate that no authority signed, as people make them by hand."""
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names.dns[0])])
    made = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(1)
        .not_valid_before(now() - AN_HOUR)
        .not_valid_after(now() + AN_HOUR)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(each) for each in names.dns]), critical=False
        )
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return (private + made.public_bytes(Encoding.PEM)).decode("ascii")


def an_rsa_key() -> str:
    key = generate_rsa_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")
