"""Addresses as they may be kept, shown and compared: where something came from, and no more.

Rules
1. User, password, query and fragment are left out: each can carry a credential.
2. A local address has no meaning on another machine: it is none.
3. The scheme of a version-control address (``git+https``) is told without the tool's name.
"""

from __future__ import annotations

import re

_URL = r"(?:[A-Za-z]+\+)?([A-Za-z][A-Za-z0-9.-]*)://([^/?#]*)([^?#]*)"


def plain_address(url: str) -> str | None:
    """Answer an address without what nobody else may know; None for local files and for what is no URL."""
    parts = re.match(_URL, url)
    if parts is None or parts[1].lower() == "file":
        return None
    host = parts[2].rpartition("@")[2]
    return f"{parts[1]}://{host}{parts[3]}"
