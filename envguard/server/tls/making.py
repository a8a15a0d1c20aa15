"""Makes an authority, and certificates that it signs. ECDSA P-256: read by every TLS of the last ten years.

Each begins an hour before now: a machine whose clock is a little behind takes it too.
"""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from envguard.server.tls.names import Names

AUTHORITY_LIFETIME = timedelta(days=3652)
LIFETIME = timedelta(days=30)
RENEWED_BEFORE_END = timedelta(days=10)
_EARLIER = timedelta(hours=1)


class Validity(msgspec.Struct, frozen=True):
    """From when to when a certificate is one, and for what."""

    begins_at: datetime
    ends_at: datetime
    names: Names

    def is_at(self, now: datetime) -> bool:
        """Whether it is valid then."""
        return self.begins_at <= now < self.ends_at


def new_key() -> str:
    """Answer a fresh private key as PEM."""
    key = generate_private_key(SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")


def new_authority(key_pem: str, now: datetime) -> str:
    """Answer the certificate of an authority with this key; ValueError where the key is none of ours."""
    key = _key(key_pem)
    serial = x509.random_serial_number()
    # A name of its own: OpenSSL finds who signed by name, and tells another authority from a forgery.
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"envguard authority {serial:040x}"[:34])])
    ends_at = now + AUTHORITY_LIFETIME
    made = (
        _builder(key, name, name, now - _EARLIER, ends_at)
        .serial_number(serial)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(is_authority=True), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(Encoding.PEM).decode("ascii")


def new_certificate(
    authority_pem: str, authority_key_pem: str, names: Names, now: datetime, lifetime: timedelta = LIFETIME
) -> str:
    """Answer a key and a certificate for these names, in one PEM text; ValueError as above."""
    authority = x509.load_pem_x509_certificate(authority_pem.encode())
    signer, key_pem = _key(authority_key_pem), new_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "envguard server")])
    alternatives: list[x509.GeneralName] = [x509.DNSName(each) for each in names.dns]
    alternatives += [x509.IPAddress(ipaddress.ip_address(each)) for each in names.addresses]
    ends_at = min(now + lifetime, authority.not_valid_after_utc)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    made = (
        _builder(_key(key_pem), name, authority.subject, now - _EARLIER, ends_at)
        .serial_number(x509.random_serial_number())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(is_authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(identifier, critical=False)
        .sign(signer, hashes.SHA256())
    )
    return key_pem + made.public_bytes(Encoding.PEM).decode("ascii")


def is_pair(certificate_pem: str, key_pem: str) -> bool:
    """Whether a certificate is of this key; ValueError where either cannot be read."""
    certificate = x509.load_pem_x509_certificate(certificate_pem.encode())
    return certificate.public_key() == _key(key_pem).public_key()


def is_signed_by(certificate_pem: str, authority_pem: str) -> bool:
    """Whether the authority signed a certificate; ValueError where either cannot be read."""
    certificate = x509.load_pem_x509_certificate(certificate_pem.encode())
    try:
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority_pem.encode()))
    except (InvalidSignature, TypeError):
        return False
    return True


def validity_of(certificate_pem: str) -> Validity:
    """Answer what a certificate says of itself; ValueError where it cannot be read."""
    certificate = x509.load_pem_x509_certificate(certificate_pem.encode())
    try:
        told = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = Names(
            tuple(told.get_values_for_type(x509.DNSName)),
            tuple(map(str, told.get_values_for_type(x509.IPAddress))),
        )
    except x509.ExtensionNotFound:
        names = Names((), ())
    return Validity(certificate.not_valid_before_utc, certificate.not_valid_after_utc, names)


def _builder(
    key: EllipticCurvePrivateKey,
    subject: x509.Name,
    issuer: x509.Name,
    begins_at: datetime,
    ends_at: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .not_valid_before(begins_at)
        .not_valid_after(ends_at)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _key(pem: str) -> EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except TypeError as error:  # it is encrypted
        raise ValueError(str(error)) from error
    if not isinstance(key, EllipticCurvePrivateKey):
        raise ValueError("not an EC key")  # noqa: TRY004 - the type of what a file holds, not of an argument
    return key
