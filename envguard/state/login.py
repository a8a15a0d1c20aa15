"""Whom this user signed in as with ``envguard login``: one file of their own, for nobody else to read."""

from __future__ import annotations

import stat
from pathlib import Path

import msgspec

from envguard.errors import StateError
from envguard.state.files import read_document, remove_file, write_document
from envguard.state.places import usual_config_folder

_FILE = "login.json"


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """A server, and the token for it."""

    url: str
    token: str
    authority: str | None = None
    """The certificate that alone may sign the server's, as PEM; None: what this machine trusts."""


def login_file() -> Path:
    """Answer where it is, whether or not anybody signed in."""
    return usual_config_folder() / _FILE


def read_login(path: Path | None = None) -> Login | None:
    """Answer whom this user signed in as; StateError where the file is broken, or others may read it."""
    file = path or login_file()
    found = read_document(file, Login)
    if found is not None and stat.S_IMODE(file.stat().st_mode) & 0o077:
        raise StateError(
            "others may read the token in this file",
            where=str(file),
            hint=f"chmod 600 {file}; if that was so for long, have the token revoked and make another",
        )
    return found


def keep_login(login: Login, path: Path | None = None) -> Path:
    """Keep it, and answer where; StateError where it cannot be."""
    file = path or login_file()
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        what = f"the folder cannot be made: {error.strerror or error}"
        raise StateError(what, where=str(file.parent), hint="export ENVGUARD_TOKEN=TOKEN instead") from error
    write_document(file, login)
    return file


def forget_login(path: Path | None = None) -> bool:
    """Remove it; answer whether there was one."""
    file = path or login_file()
    was_there = file.exists()
    remove_file(file)
    return was_there
