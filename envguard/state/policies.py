"""Policies that are kept to judge by: a file each, in a folder of their own.

There are two such folders: the agent's in the state directory, and a person's in the user's cache.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from envguard.errors import StateError
from envguard.state.files import read_document, remove_file, write_document
from envguard.state.kept import KeptPolicy
from envguard.state.places import usual_cache_folder

_PLAIN_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}"


def pulled_folder() -> Path:
    """Answer where the policies are that this user pulled; it need not be there.

    Below ``ENVGUARD_CACHE``, else the system's usual place.
    """
    told = os.environ.get("ENVGUARD_CACHE")
    if told:
        return Path(told).absolute() / "policies"
    return usual_cache_folder() / "policies"


def read_policies(folder: Path) -> dict[str, KeptPolicy]:
    """Answer the policies that a folder has, by name; StateError names a broken one."""
    try:
        paths = sorted(folder.glob("*.json"))
    except OSError as error:
        raise StateError(
            f"the policies that are kept cannot be looked for: {error.strerror or error}",
            where=str(folder),
            hint="name a folder of yours: export ENVGUARD_CACHE=FOLDER",
        ) from error
    kept = [read_document(path, KeptPolicy) for path in paths]
    return {each.name: each for each in kept if each is not None}


def add_policies(folder: Path, policies: Mapping[str, KeptPolicy]) -> None:
    """Keep these besides the others, readable by their owner alone; each file is old or new, and whole."""
    wanted = {_file(folder, name): policy for name, policy in policies.items()}
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(f"cannot be made: {error.strerror or error}", where=str(folder)) from error
    for path, policy in wanted.items():
        write_document(path, policy)


def replace_policies(folder: Path, policies: Mapping[str, KeptPolicy]) -> None:
    """Keep exactly these."""
    add_policies(folder, policies)
    wanted = {_file(folder, name) for name in policies}
    for path in folder.glob("*.json"):
        if path not in wanted:
            remove_file(path)


def _file(folder: Path, name: str) -> Path:
    if not re.fullmatch(_PLAIN_NAME, name):
        raise StateError(f"a policy's name that cannot be a file's: {name!r}", where=str(folder))
    return folder / f"{name}.json"
