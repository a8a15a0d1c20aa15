"""What this machine's agent tells every user of it: who the machine is, and the policies that it judges by.

A user's own commands judge by these where the agent is another's, whose state nobody else may read.

Rules
1. Two files of the runtime folder: ``team.json`` for everybody who may ask that agent, and, for a user with
   environments that nobody else may read, ``waivers-UID.json`` with the waivers that name those.
2. What root or this user wrote, and nobody else can, is taken; any other is as if it were absent, and so is
   what is torn, or of a later version: a policy that is not known here is never replaced by another.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from envguard.domain.binding import Machine
from envguard.domain.policy import Waiver
from envguard.guard.files import owned_content, trusted_uids
from envguard.state.files import LIMIT_BYTES
from envguard.state.kept import KeptPolicy
from envguard.state.runtime import runtime_folders

TEAM = "team.json"
_WRITABLE_BY_OTHERS = 0o022

T = TypeVar("T")


class ToldTeam(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    tag_field="schema",
    tag="envguard/told-team/1",
):
    """What everybody may know."""

    machine: Machine
    policies: Mapping[str, KeptPolicy]
    folder: str = ""
    """Where it was read; it is not written."""


class ToldWaivers(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/told-waivers/1"
):
    """What one user may know besides: more waivers, by the policy."""

    waivers: Mapping[str, tuple[Waiver, ...]]


def waivers_name(uid: int) -> str:
    """Answer what the file of a user's waivers is called."""
    return f"waivers-{uid}.json"


def is_waivers_name(name: str) -> bool:
    """Whether a file of the runtime folder is some user's waivers."""
    return name.startswith("waivers-") and name.endswith(".json")


def told_team(environ: Mapping[str, str]) -> ToldTeam | None:
    """Answer what the agent of this machine tells this user; None where none does."""
    for folder in runtime_folders(environ):
        team = _read(folder / TEAM, ToldTeam)
        if team is not None:
            more = _read(folder / waivers_name(os.geteuid()), ToldWaivers)
            team = msgspec.structs.replace(team, folder=str(folder))
            return team if more is None else _with_waivers(team, more.waivers)
    return None


def _with_waivers(team: ToldTeam, more: Mapping[str, tuple[Waiver, ...]]) -> ToldTeam:
    policies = {
        name: msgspec.structs.replace(each, waivers=(*each.waivers, *more.get(name, ())))
        for name, each in team.policies.items()
    }
    return msgspec.structs.replace(team, policies=policies)


def _read(path: Path, type_: type[T]) -> T | None:
    content = owned_content(str(path), trusted_uids(), _WRITABLE_BY_OTHERS, LIMIT_BYTES)
    try:
        return None if content is None else msgspec.json.decode(content, type=type_)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
