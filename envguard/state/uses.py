"""What people bound with ``envguard use``: each in their own state, kept by the environment's path."""

from __future__ import annotations

from pathlib import Path

from envguard.errors import StateError
from envguard.state.files import read_document, write_document

_FILE = "uses.json"


def uses_file(folder: Path) -> Path:
    """Answer where the bindings in a state directory are, whether or not anybody bound anything."""
    return folder / _FILE


def read_uses(folder: Path) -> dict[str, str]:
    """Answer the bindings in a state directory: environment path to policy; StateError when broken."""
    try:
        return read_document(uses_file(folder), dict[str, str]) or {}
    except StateError as error:
        raise StateError(
            error.what, where=error.where, hint="remove it, and bind again with `envguard use`"
        ) from error


def write_use(folder: Path, environment: str, policy: str | None) -> None:
    """Bind an environment, or take its binding back where the policy is None."""
    uses = read_uses(folder)
    if policy is None:
        uses.pop(environment, None)
    else:
        uses[environment] = policy
    write_document(uses_file(folder), uses)
