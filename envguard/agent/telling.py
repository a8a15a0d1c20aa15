"""Telling this machine's users the policies that judge here, so that their own commands judge by the same.

Rules
1. A waiver for certain environments is told to everybody where one of them may be read by everybody; else
   only to those whose environments they are.
2. A file is written where what it says has changed, or where it is gone: who noted its marks is not made to
   look again by a round in which nothing happened.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

import msgspec

from envguard.agent.rights import is_open_to_all, owner_of
from envguard.domain.binding import names_environment
from envguard.domain.environment import EnvironmentRecord
from envguard.domain.policy import Waiver
from envguard.state.runtime import remove_name, replace_file
from envguard.state.told import TEAM, ToldTeam, ToldWaivers, is_waivers_name, waivers_name

_Waivers = Mapping[str, tuple[Waiver, ...]]
"""By the policy."""

_File = tuple[bytes, int | None]
"""What it says, and who alone may read it; None: everybody who may ask this agent."""


class Teller:
    """Remembers what it wrote."""

    def __init__(self) -> None:
        self._written: dict[str, _File] = {}

    def tell(self, folder: int, team: ToldTeam, records: Iterable[EnvironmentRecord]) -> None:
        """Tell these policies in an open runtime folder, to whom these environments are. Raises OSError."""
        wanted = dict(_files(team, tuple(records)))
        there = {name for name in os.listdir(folder) if name == TEAM or is_waivers_name(name)}
        for name in there - wanted.keys():
            remove_name(folder, name)
        for name, (content, uid) in wanted.items():
            if name not in there or self._written.get(name) != (content, uid):
                mode = 0o644 if uid is None and os.geteuid() == 0 else 0o600
                replace_file(folder, name, content, mode=mode, owner=uid)
        self._written = wanted


def _files(team: ToldTeam, records: tuple[EnvironmentRecord, ...]) -> Iterable[tuple[str, _File]]:
    readers = {
        id(waiver): _readers(waiver, records) for each in team.policies.values() for waiver in each.waivers
    }

    def told_to(uid: int | None) -> _Waivers:
        return {
            name: tuple(waiver for waiver in each.waivers if uid in readers[id(waiver)])
            for name, each in team.policies.items()
        }

    for_all = told_to(None)
    policies = {
        name: msgspec.structs.replace(each, waivers=for_all[name]) for name, each in team.policies.items()
    }
    yield TEAM, (msgspec.json.encode(msgspec.structs.replace(team, policies=policies)), None)
    for uid in sorted({uid for uids in readers.values() for uid in uids if uid is not None}):
        yield waivers_name(uid), (msgspec.json.encode(ToldWaivers(waivers=told_to(uid))), uid)


def _readers(waiver: Waiver, records: tuple[EnvironmentRecord, ...]) -> frozenset[int | None]:
    """To whom a waiver is told; None is everybody."""
    if waiver.environment is None:
        return frozenset({None})
    named = [each.path for each in records if names_environment(waiver.environment, each)]
    if os.geteuid() != 0 or any(is_open_to_all(path) for path in named):
        return frozenset({None})
    return frozenset(uid for uid in map(owner_of, named) if uid is not None)
