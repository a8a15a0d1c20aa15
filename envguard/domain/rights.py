"""Who may do what on a server: roles, acts, and the one table that joins them.

Rules
1. Of people's roles each may all that the one before it may.
2. A joined machine reads what concerns it and the team's summary, asks, and tells of runs; it alone reports.
3. Who is nobody may only enter: join by a token, sign in, learn the server's certificate, ask how it is.
4. What changes what others are judged by, or who may come in, is written into the audit log; what machines
   and runs report of themselves is kept as such, and is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

PersonRole = Literal["viewer", "researcher", "lead", "admin"]
"""What a person's token makes of its holder."""

Role = Literal["viewer", "researcher", "lead", "admin", "machine"]

PERSON_ROLES: tuple[PersonRole, ...] = ("viewer", "researcher", "lead", "admin")

Act = Literal["enter", "read", "look-around", "ask", "run", "report", "decide", "administer"]
"""``enter``: join, sign in, sign out. ``read``: what concerns who asks; a person is concerned by everything.
``look-around``: what is of others in full. ``ask``: for a waiver or a hold of one's own machine.
``run``: tell of runs, meet as ranks. ``report``: tell of one's own environments. ``decide``: push, waive,
approve, freeze.
``administer``: tokens, machines, the audit log, the server."""

_RESEARCHERS: frozenset[Role] = frozenset({"researcher", "lead", "admin"})
_PEOPLE: frozenset[Role] = _RESEARCHERS | {"viewer"}
_MACHINE: frozenset[Role] = frozenset({"machine"})

TABLE: Mapping[Act, frozenset[Role]] = {
    "enter": _PEOPLE | _MACHINE,
    "read": _PEOPLE | _MACHINE,
    "look-around": _PEOPLE,
    "ask": _RESEARCHERS | _MACHINE,
    "run": _RESEARCHERS | _MACHINE,
    "report": _MACHINE,
    "decide": frozenset({"lead", "admin"}),
    "administer": frozenset({"admin"}),
}

AUDITED: frozenset[Act] = frozenset({"enter", "ask", "decide", "administer"})
"""What is written into the audit log where it changes anything (rule 4)."""

RESERVED_NAMES = frozenset({"admin", "server"})
"""Whom the audit log knows without a person's token: the holder of the server's own file, and the server."""


def may(role: Role | None, act: Act) -> bool:
    """Whether a role may do this; None is nobody."""
    return act == "enter" if role is None else role in TABLE[act]


def least_role(act: Act) -> Role:
    """Answer the least role that may do this: what one has to ask for."""
    return next((role for role in PERSON_ROLES if role in TABLE[act]), "machine")
