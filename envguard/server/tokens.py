"""Secrets that open the server: made here, shown once, kept only as digests."""

from __future__ import annotations

import hashlib
import secrets
from typing import NewType

SecretDigest = NewType("SecretDigest", str)
"""The sha256 of a secret, in hexadecimal. Secrets are random, so a plain hash cannot be guessed back."""


def new_secret(kind: str) -> str:
    """Answer a fresh secret; ``kind`` (``admin``, ``machine``, ``join``, ``session``) is legible in it."""
    return f"envguard-{kind}-{secrets.token_urlsafe(32)}"


def digest_of_secret(secret: str) -> SecretDigest:
    """Answer what is kept of a secret, and what it is found by."""
    return SecretDigest(hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest())
