"""The one tree of errors: what happened, where, what to do next, and the exit code.

    EnvguardError
    ├── UsageError          2  the command line, or the situation it was used in, is wrong
    ├── PolicyError         2  a policy, a lock or a marker cannot be used as it is written
    ├── UnavailableError    3  a policy that was named cannot be had just now
    ├── InventoryError      3  an environment could not be read at all
    ├── StateError          3  files that envguard keeps cannot be read or written
    ├── TransportError      3  the server could not be reached, or answered nonsense
    │   └── RefusedError    3  the server understood, and said no
    └── StoppedError      130  somebody pressed Ctrl-C

The classes are split by who must act. A class owns its exit code; an instance says ``what`` happened,
``where``, and a ``hint`` that can be followed or pasted. ``EnvironmentDrift``, which a researcher's script
catches, is not here: it carries a verdict, not a failure of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class EnvguardError(Exception):
    """Something that a person can act on; never shown with a traceback."""

    kind: ClassVar[str] = "error"
    """The word that scripts see in ``error.kind``."""

    exit_code: ClassVar[int] = 3
    """2: the caller must change something. 3: it could not be decided or done. 130: as shells have it."""

    def __init__(self, what: str, *, where: str | None = None, hint: str | None = None) -> None:
        """Say what happened; ``where`` is ``file:line: key.path`` or another place, ``hint`` the way on."""
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        """Place and happening on one line, as compilers write them."""
        return f"{self.where}: {self.what}" if self.where else self.what


class UsageError(EnvguardError):
    """The command line, or the situation it was used in, is wrong."""

    kind = "usage"
    exit_code = 2


class PolicyError(EnvguardError):
    """A policy, a lock or a marker cannot be used as it is written.

    All problems of one file are raised together: ``problems`` holds each as an error of its own, and is
    empty on those single ones.
    """

    kind = "policy"
    exit_code = 2

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        hint: str | None = None,
        problems: Sequence[PolicyError] = (),
    ) -> None:
        """As every error; ``problems`` are the single ones when a file has several."""
        super().__init__(what, where=where, hint=hint)
        self.problems = tuple(problems)


class UnavailableError(EnvguardError):
    """A policy that was named cannot be had just now; nothing else is judged in its place."""

    kind = "unavailable"


class InventoryError(EnvguardError):
    """An environment could not be read at all."""

    kind = "inventory"


class StateError(EnvguardError):
    """Files that envguard keeps (state directory, database) cannot be read or written."""

    kind = "state"


class TransportError(EnvguardError):
    """The server could not be reached, or what came back was not an answer of an envguard server."""

    kind = "transport"

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        hint: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        """As every error; ``retry_after_s`` is what the server asked for, in seconds."""
        super().__init__(what, where=where, hint=hint)
        self.retry_after_s = retry_after_s


class RefusedError(TransportError):
    """The server understood the request and said no: asking again unchanged is useless."""

    kind = "refused"

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        hint: str | None = None,
        retry_after_s: float | None = None,
        is_of_message: bool = False,
    ) -> None:
        """As every error; ``is_of_message``: what was sent is wrong, whoever sends it."""
        super().__init__(what, where=where, hint=hint, retry_after_s=retry_after_s)
        self.is_of_message = is_of_message


class StoppedError(EnvguardError):
    """Somebody pressed Ctrl-C before the command was done."""

    kind = "stopped"
    exit_code = 130
