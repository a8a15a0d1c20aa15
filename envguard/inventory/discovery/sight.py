"""Coming upon an environment: whether a path is one, and what is noted where that cannot be told."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import msgspec

from envguard.errors import InventoryError
from envguard.inventory import conda_records
from envguard.inventory.discovery.mounts import ANSWER_S, Answers, mounts_of_this_machine
from envguard.inventory.files import is_absent, is_below, is_closed, reason_of, refusing_part_of, shown
from envguard.inventory.layout import Layout, has_config, has_marker, interpreter_in, locate
from envguard.log import get_log

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from envguard.inventory.discovery.mounts import Mounts

_SILENT = "its file system does not answer, or is not mounted"
_HUNG = "an earlier look hung here"

_log = get_log(__name__)


class Sighting(msgspec.Struct, frozen=True):
    """An environment, and the path by which it was come upon."""

    layout: Layout
    path: str
    names: tuple[str, ...] = ()
    """What it is called by who led to it."""


class Notes:
    """Collects, while a machine is looked at, where nobody could look and where nobody did."""

    def __init__(self, theirs: Collection[str] = ()) -> None:
        """``theirs`` are homes that another machine holds, where this machine's superuser is nobody.

        What is closed there is left to its owners' scans.
        """
        self._theirs = tuple(theirs)
        self.unread: dict[str, str] = {}
        self.passed_over: dict[str, str] = {}

    def fail(self, path: str, reason: str) -> None:
        """Note a place that should have been looked at."""
        if path not in self.unread:
            self.unread[path] = reason
            _log.info("place_unread", path=shown(path), reason=reason)

    def refuse(self, path: str, error: OSError) -> None:
        """Note a place that the system did not let us look at; what is absent is nothing to note.

        A folder that is closed is told once, not each place in it where something might lie.
        """
        if is_absent(error):
            return
        part = refusing_part_of(path, error.errno or 0)
        if isinstance(error, PermissionError) and any(is_below(part, home) for home in self._theirs):
            self.pass_over(part, reason_of(error))
        else:
            self.fail(part, reason_of(error))

    def fail_silent(self, path: str) -> None:
        """Note a place whose file system did not answer."""
        self.fail(path, _SILENT)

    def pass_over(self, path: str, reason: str) -> None:
        """Note a place that was left out on purpose."""
        self.passed_over.setdefault(path, reason)


class Eye:
    """Tells what is an environment; asks no file system that does not answer."""

    def __init__(
        self,
        answers: Answers,
        notes: Notes,
        *,
        avoid: Collection[str] = (),
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Never ask for what is to be avoided; ``progress`` hears of each place before it is asked."""
        self._answers = answers
        self.notes = notes
        self._avoid = frozenset(avoid)
        self._progress = progress

    @property
    def mounts(self) -> Mounts:
        """The mounts of the machine that is looked at."""
        return self._answers.mounts

    def avoids(self, path: str) -> bool:
        """Whether a place is to be avoided, which is noted."""
        if path not in self._avoid:
            return False
        self.notes.fail(path, _HUNG)
        return True

    def may_ask(self, path: str) -> bool:
        """Whether a place can be asked without hanging, as far as anybody knows."""
        if self.avoids(path):
            return False
        self._progress(path)
        return self._answers.has_answered(path)

    def should_ask(self, path: str) -> bool:
        """As :meth:`may_ask`, of a place that counts: if its file system does not answer, that is noted."""
        if self.avoids(path):
            return False
        self._progress(path)
        if not self._answers.has_answered(path):
            self.notes.fail_silent(path)
            return False
        return True

    def is_open(self, folder: str) -> bool:
        """Whether there is a point in asking for what lies in a folder."""
        return self.may_ask(folder) and not is_closed(folder)

    def real_path_of(self, path: str) -> str | None:
        """Answer where a path leads; None where it may not be asked."""
        return os.path.realpath(path) if self.may_ask(path) else None

    def look_at(self, path: str) -> Sighting | None:
        """Answer the environment that a registered folder or interpreter is; None where it is none now."""
        if not self.should_ask(path):
            return None
        try:
            os.lstat(path)
        except OSError as error:
            self.notes.refuse(path, error)
            return None
        return self.look_at_folder(path) if os.path.isdir(path) else self._look_at_interpreter(path)

    def look_at_folder(self, folder: str) -> Sighting | None:
        """Answer the environment that this very folder is; None where it only links to an interpreter."""
        if not has_marker(folder):
            if is_closed(folder):
                self.notes.refuse(folder, PermissionError(errno.EACCES, "permission denied"))
            return None
        python = interpreter_in(folder)
        if python is not None and not self._answers.has_answered(python):
            self.notes.fail_silent(folder)
            return None
        try:
            layout = locate(folder)
        except InventoryError as error:
            self._say(folder, folder, error)
            return None
        except OSError as error:
            self.notes.refuse(folder, error)
            return None
        is_own = has_config(folder) or layout.prefix == os.path.realpath(folder)
        return Sighting(layout, folder) if is_own else None

    def _look_at_interpreter(self, path: str) -> Sighting | None:
        try:
            return Sighting(locate(path), path)
        except InventoryError as error:
            self._say(path, os.path.dirname(os.path.dirname(path)), error)
            return None
        except OSError as error:
            self.notes.refuse(path, error)
            return None

    def _say(self, path: str, prefix: str, error: InventoryError) -> None:
        """What promises to be an environment and cannot be read is no less than unread."""
        trouble = _trouble_at(path)
        if trouble is not None:
            self.notes.fail(path, trouble)
        elif has_config(prefix) or os.path.isdir(os.path.join(prefix, conda_records.FOLDER)):
            self.notes.fail(path, error.what)
        else:
            _log.debug("no_environment", path=shown(path), reason=error.what)


def _trouble_at(path: str) -> str | None:
    """Why nobody can say what is there, such as a link that leads to itself; None where it is known."""
    try:
        os.stat(path)
    except OSError as error:
        return None if is_absent(error) else reason_of(error)
    return None


class Scope:
    """What registries may ask, and tell: places that lie where one looks, or lead there."""

    def __init__(self, eye: Eye, tops: Sequence[str] | None = None) -> None:
        """Note only what lies below one of the ``tops``; None means all that is asked."""
        self._eye = eye
        self._tops = tops

    def holds(self, path: str) -> bool:
        """Whether a place lies where one looks, by its words."""
        return self._tops is None or any(is_below(path, top) for top in self._tops)

    def may_ask(self, path: str) -> bool:
        """Whether a registry may look there; if not, that is noted."""
        return self._eye.should_ask(path) if self.holds(path) else self._eye.may_ask(path)

    def fail(self, path: str, reason: str) -> None:
        """Note what a registry could not read."""
        if self.holds(path):
            self._eye.notes.fail(path, reason)

    def refuse(self, path: str, error: OSError) -> None:
        """Note what the system did not let a registry read."""
        if self.holds(path):
            self._eye.notes.refuse(path, error)


def eye_of_this_machine(notes: Notes) -> Eye:
    """Answer an eye for who asks for one environment: as a scan's, without anything to avoid."""
    return Eye(Answers(mounts_of_this_machine(), within_s=ANSWER_S), notes)
