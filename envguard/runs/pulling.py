"""The server's policies, taken into the user's cache, so that a machine without an agent can judge by them.

Rules
1. All are had before any is written: what fails leaves the cache as it was.
2. With names only these are taken. Without, the cache is what the server has: others are removed.
3. One that this version cannot read is kept all the same, and says why: it may bind an environment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from envguard.domain.policy import UnusablePolicy
from envguard.errors import StateError, UnavailableError
from envguard.formats import parse_known
from envguard.runs.held import kept_of
from envguard.state import KeptPolicy, add_policies, read_policies, replace_policies
from envguard.wire import PolicyRevision


class Pulled(msgspec.Struct, frozen=True, kw_only=True):
    """What pulling did with one policy."""

    name: str
    change: Literal["new", "changed", "unchanged", "removed"]
    revision: int | None
    """None where it was removed."""
    before: int | None
    """The revision that was in the cache; None where there was none."""
    unusable: str | None = None
    """Why this version of envguard cannot read it; None where it can."""


def pull(
    fetch: Callable[[], Sequence[PolicyRevision]], folder: Path, names: Sequence[str], *, now: datetime
) -> tuple[Pulled, ...]:
    """Bring the cache to what the server has, and answer what that changed, by name.

    Raises UnavailableError where the server has none of a name, and as ``fetch`` does.
    """
    at_server = {each.name: each for each in fetch()}
    lacking = [name for name in names if name not in at_server]
    if lacking:
        what = f"the server has no such policy: {', '.join(lacking)}"
        raise UnavailableError(what, hint="list them: envguard policy list")
    wanted = {name: kept_of(each, now) for name, each in at_server.items() if not names or name in names}
    before = _known(folder)
    write = add_policies if names else replace_policies
    write(folder, wanted)
    gone = [] if names else [name for name in before if name not in wanted]
    told = [_pulled(name, before.get(name), wanted.get(name)) for name in (*wanted, *gone)]
    return tuple(sorted(told, key=lambda each: each.name))


def _known(folder: Path) -> Mapping[str, KeptPolicy]:
    """What is in the cache; nothing where that is broken, for it is about to be replaced."""
    try:
        return read_policies(folder)
    except StateError:
        return {}


def _pulled(name: str, before: KeptPolicy | None, after: KeptPolicy | None) -> Pulled:
    number = before.revision if before is not None else None
    if after is None:
        return Pulled(name=name, change="removed", revision=None, before=number)
    known = parse_known(name, after.source, revision=after.revision, lock_revision=after.lock_revision)
    is_same = before is not None and (before.revision, before.source) == (after.revision, after.source)
    return Pulled(
        name=name,
        change="unchanged" if is_same else "new" if before is None else "changed",
        revision=after.revision,
        before=number,
        unusable=known.reason if isinstance(known, UnusablePolicy) else None,
    )
