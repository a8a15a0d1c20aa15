"""Keeping an answer of ``check``, for :mod:`envguard.cli.again` to give once more.

Nothing is kept where it could not be seen that it does not hold any more: where the policy asks something of
the machine, where what moved is told, and where what was looked at changed just now.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from marshal import dumps
from typing import TYPE_CHECKING

import msgspec

from envguard.cli.again import boot_id, digest_of_call, place_of, sealed
from envguard.cli.witness import Note, Notes, Witness

if TYPE_CHECKING:
    from envguard.cli.checking import Checked

VALID_S = 24 * 3600.0
"""After this an environment is judged again, whatever its files look like."""

MOST_KEPT = 64
"""Answers that are kept; one has 150 kB for 400 packages."""

_TICK_NS = 1_000_000_000
"""More than the clocks of file systems are coarse: what changed so lately may change again unseen."""
_USERS = "/etc/passwd"
"""Read by the C library, which tells nobody."""

_Notes = Mapping[str, Note]


class Answer(msgspec.Struct, frozen=True):
    """What a command printed and decided, and until when that can hold at most."""

    code: int
    printed: tuple[tuple[int, bytes], ...]
    """Each a stream's number and what went there, in their order."""
    began_at_s: float
    until_s: float


def holds_until_s(checked: Checked, began_at_s: float) -> float | None:
    """Answer until when a verdict can hold at most; None where that cannot be known.

    What moved is told by the facts of the machine, which change without a file that does.
    """
    tells_moved = any(each.moved not in (None, "never-matched") for each in checked.verdict.findings)
    if checked.asks_machine or checked.tells_age or tells_moved:
        return None
    until_s, ends_at = began_at_s + VALID_S, checked.verdict.ends_at
    return until_s if ends_at is None else min(until_s, ends_at.timestamp())


def keep(arguments: list[str], answer: Answer, witness: Witness) -> None:
    """Keep the answer; nothing where that cannot be done, or would not be safe."""
    with suppress(OSError):  # the working directory may be gone
        _keep(arguments, answer, witness)


def _keep(arguments: list[str], answer: Answer, witness: Witness) -> None:
    witness.add([_USERS, *_own_files()])
    boot = boot_id()
    digest = digest_of_call(arguments)
    place = place_of(digest) if digest is not None else None
    notes = witness.notes()
    if notes is None or place is None or not boot:
        return
    if notes.newest_ns() >= answer.began_at_s * 1e9 - _TICK_NS:
        return
    kept = (
        digest,
        boot,
        answer.began_at_s,
        answer.until_s,
        answer.code,
        list(answer.printed),
        list(_by_folder(notes)),
    )
    write_own(place, dumps(kept, 2), most=MOST_KEPT)


def write_own(place: str, content: bytes, *, most: int) -> None:
    """Write a file that only this user may read, whole or not at all; the oldest of more than ``most`` go.

    Where it cannot be written, or the folder is another user's, nothing is.
    """
    folder = os.path.dirname(place)
    temporary = f"{place}.{os.getpid()}"
    with suppress(OSError):
        if not _is_own_folder(folder):
            return
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(sealed(content))
            os.replace(temporary, place)
        except OSError:
            os.unlink(temporary)
            raise
        _drop_oldest(folder, most)


def _is_own_folder(folder: str) -> bool:
    """Make the folder; whether it, and what it had to be made in, is this user's.

    The superuser may run with another's home: what is made there would bar its owner.
    """
    above = folder
    while not os.path.lexists(above):
        above = os.path.dirname(above)
    if os.stat(above).st_uid != os.geteuid():
        return False
    for each in (os.path.dirname(folder), folder):
        os.makedirs(each, mode=0o700, exist_ok=True)
    status = os.stat(folder)
    return status.st_uid == os.geteuid() and not status.st_mode & 0o022


def _drop_oldest(folder: str, most: int) -> None:
    names = os.listdir(folder)
    if len(names) > most:
        places = [os.path.join(folder, name) for name in names]
        for place in sorted(places, key=lambda each: os.stat(each).st_mtime_ns)[: len(names) - most]:
            os.unlink(place)


def _own_files() -> Iterator[str]:
    """The files of envguard itself, and of what it imported besides the standard library."""
    library = os.path.dirname(os.__file__) + os.sep
    for module in tuple(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if path and (not path.startswith(library) or "-packages" in path):
            yield path


def _by_folder(notes: Notes) -> Iterator[tuple[str, dict[str, Note], dict[str, Note], list[int]]]:
    """The notes by a folder above that was listed: to look from there takes two thirds of the time."""
    listed = notes.listed
    above: dict[str, str] = {}  # what a folder's own are looked at from: asked once for each folder
    groups: dict[str, tuple[dict[str, Note], dict[str, Note]]] = {}
    for place, noted in enumerate((notes.followed, _without_known(notes.links, notes.followed))):
        for path, note in noted.items():
            inner = path.rpartition("/")[0]
            if inner not in above:
                above[inner] = _listed_above(inner, listed)
            folder = above[inner]
            rest = path[len(folder) + 1 :] if folder else path
            if not rest:
                folder, rest = "", path
            if folder not in groups:
                groups[folder] = ({}, {})
            groups[folder][place][rest] = note
    for folder in sorted({*groups, *listed}):
        followed, links = groups.get(folder, ({}, {}))
        yield folder, followed, links, list(listed.get(folder, ()))


def _without_known(links: _Notes, followed: _Notes) -> dict[str, Note]:
    """Without those that are no links: what they lead to is noted already."""
    return {path: note for path, note in links.items() if followed.get(path) != note}


def _listed_above(inner: str, listed: Iterable[str]) -> str:
    """The farther of a folder and the one above it that was listed; empty where neither was."""
    outer = inner.rpartition("/")[0]
    return outer if outer in listed else inner if inner in listed else ""
