"""What only a server needs to be installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from envguard.errors import UsageError


@contextmanager
def server_libraries() -> Iterator[None]:
    """Say how to get what an import within does not find; raises UsageError."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise UsageError(
            f"the server's libraries are not installed: {error.name}", hint="pip install 'envguard[server]'"
        ) from error
