"""Command lines without what should not be written down.

Rules
1. ``--token X``, ``--token=X`` and ``API_KEY=X``: the value of a name that speaks of a secret.
2. The part of an address before ``@``.
3. What a program's own name does not tell cannot be known: a bare word is left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

MASK = "***"
"""What stands where a secret stood."""

_SECRET = re.compile(
    r"(?:^|[-_.])(?:token|secret|password|passwd|passphrase|pwd|pass|auth|credentials?|bearer|cookie"
    r"|key|apikey|accesskey|secretkey)s?$",
    re.IGNORECASE,
)
_NAMED = re.compile(r"(?P<name>-{0,2}[A-Za-z_][A-Za-z0-9_.-]*)=(?P<value>.*)", re.DOTALL)
_USERINFO = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)[^/\s]+@")
"""Up to the last ``@`` before the path: a password may hold one."""


def without_secrets(words: Sequence[str]) -> tuple[str, ...]:
    """Answer the words with a mask for each value that looks like a secret."""
    return tuple(_masked(words))


def without_logins(text: str) -> str:
    """Answer a text with a mask for what stands before ``@`` in each address."""
    return _USERINFO.sub(rf"\g<scheme>{MASK}@", text)


def _masked(words: Sequence[str]) -> Iterator[str]:
    is_value = False
    for word in words:
        if is_value and not word.startswith("-"):
            is_value = False
            yield MASK
            continue
        named = _NAMED.fullmatch(word)
        is_value = named is None and word.startswith("-") and _is_secret(word)
        if named is not None and named["value"] and _is_secret(named["name"]):
            yield f"{named['name']}={MASK}"
        else:
            yield without_logins(word)


def _is_secret(name: str) -> bool:
    return _SECRET.search(name.lstrip("-")) is not None
