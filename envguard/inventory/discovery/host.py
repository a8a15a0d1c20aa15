"""What a scan asks the machine for; a test can answer in its place."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from envguard.inventory.discovery.mounts import Mounts, mounts_of_this_machine
from envguard.inventory.discovery.people import Person, is_home, people_to_scan
from envguard.inventory.discovery.registries.processes import Running, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """A machine as a scan sees it."""

    people: tuple[Person, ...]
    """Who runs the scan comes first."""
    mounts: Mounts = Mounts()
    processes: Callable[[], Iterable[Running]] = tuple
    root: str = "/"
    """Below which the system's own folders lie."""
    is_superuser: bool = False
    """Whether the scan is for all people, and not only for who runs it."""


def this_host() -> Host:
    """Answer the machine that this runs on."""
    mounts = mounts_of_this_machine()

    def is_there(home: str) -> bool:
        # Where another machine holds the homes, to ask may hang, or mount them all.
        return mounts.is_elsewhere(home) or is_home(home)

    return Host(
        people=people_to_scan(os.environ, is_there),
        mounts=mounts,
        processes=running,
        is_superuser=os.geteuid() == 0,
    )
