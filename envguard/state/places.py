"""Where this system keeps a user's things when nobody says.

The library that knows all systems takes 5 ms to import, a twentieth of a ``check``. Where Linux and the two
variables leave no doubt, its answer is given without it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

_NAME = "envguard"


def usual_state_folder() -> Path:
    """Answer the folder for what a program must not lose."""
    folder = _plain_folder("XDG_STATE_HOME", ".local/state")
    if folder is not None:
        return folder
    import platformdirs

    return Path(platformdirs.user_state_dir(_NAME, appauthor=False))


def usual_cache_folder() -> Path:
    """Answer the folder for what may go at any time."""
    folder = _plain_folder("XDG_CACHE_HOME", ".cache")
    if folder is not None:
        return folder
    import platformdirs

    return Path(platformdirs.user_cache_dir(_NAME, appauthor=False))


def usual_config_folder() -> Path:
    """Answer the folder for what a user chose."""
    folder = _plain_folder("XDG_CONFIG_HOME", ".config")
    if folder is not None:
        return folder
    import platformdirs

    return Path(platformdirs.user_config_dir(_NAME, appauthor=False))


def _plain_folder(variable: str, below_home: str) -> Path | None:
    """By the XDG base directories; None on other systems, and for values that need an interpretation."""
    if sys.platform != "linux" or "ANDROID_DATA" in os.environ:
        return None
    told, home = os.environ.get(variable, ""), os.environ.get("HOME", "")
    if told:
        return Path(told, _NAME) if told.startswith("/") and told == told.strip() else None
    return Path(home.rstrip("/") + "/" + below_home, _NAME) if home.startswith("/") else None
