"""Secrets that open the server: made here, shown once, kept only as digests."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
from collections.abc import Mapping
from typing import Literal, NewType

SecretDigest = NewType("SecretDigest", str)
"""The sha256 of a secret, in hexadecimal. Secrets are random, so a plain hash cannot be guessed back."""

SecretKind = Literal["admin", "join", "machine", "person", "session"]

PREFIXES: Mapping[SecretKind, str] = {
    "admin": "eg_a_",
    "join": "eg_j_",
    "machine": "eg_m_",
    "person": "eg_p_",
    "session": "eg_s_",
}
"""What a scanner finds a secret by that somebody committed, and whose it is."""

_ALPHABET = string.ascii_letters + string.digits
_LENGTH = 43
"""Of 62 characters: 256 bits, as of a sha256."""


def new_secret(kind: SecretKind) -> str:
    """Answer a fresh secret, with the prefix of its kind; a double click selects all of it."""
    return PREFIXES[kind] + "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


def digest_of_secret(secret: str) -> SecretDigest:
    """Answer what is kept of a secret, and what it is found by."""
    return SecretDigest(hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest())


def form_key_of(session: str) -> str:
    """Answer what a form of a session's page must carry: only who saw the page knows it."""
    return hmac.new(session.encode("utf-8", "surrogatepass"), b"envguard form", hashlib.sha256).hexdigest()


def is_same_secret(one: str, other: str) -> bool:
    """Compare in a time that tells nothing of where they differ."""
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))
