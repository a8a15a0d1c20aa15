"""Who a user of this machine is, as receipts name him."""

from __future__ import annotations

import pwd


def user_name(uid: int) -> str:
    """Answer a user's name; of one whom the system does not know, the number."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
