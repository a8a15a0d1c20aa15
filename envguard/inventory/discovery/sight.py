"""Coming upon an environment: whether a path is one, and what is noted where that cannot be told."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import msgspec

from envguard.errors import InventoryError
from envguard.inventory import conda_records
from envguard.inventory.files import reason_of, shown
from envguard.inventory.layout import Layout, has_config, has_marker, interpreter_in, locate
from envguard.log import get_log

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from envguard.inventory.discovery.mounts import Answers

GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
"""Errors that mean that there is nothing, rather than something that cannot be read."""

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

    def __init__(self) -> None:
        self.unread: dict[str, str] = {}
        self.passed_over: dict[str, str] = {}

    def fail(self, path: str, reason: str) -> None:
        """Note a place that should have been looked at."""
        if path not in self.unread:
            self.unread[path] = reason
            _log.info("place_unread", path=shown(path), reason=reason)

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
        self._notes = notes
        self._avoid = frozenset(avoid)
        self._progress = progress

    def avoids(self, path: str) -> bool:
        """Whether a place is to be avoided, which is noted."""
        if path not in self._avoid:
            return False
        self._notes.fail(path, _HUNG)
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
            self._notes.fail_silent(path)
            return False
        return True

    def is_open(self, folder: str) -> bool:
        """Whether there is a point in asking for what lies in a folder."""
        return self.may_ask(folder) and not _is_closed(folder)

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
            if error.errno not in GONE:
                self._notes.fail(path, reason_of(error))
            return None
        return self.look_at_folder(path) if os.path.isdir(path) else self._look_at_interpreter(path)

    def look_at_folder(self, folder: str) -> Sighting | None:
        """Answer the environment that this very folder is; None where it only links to an interpreter."""
        if not has_marker(folder):
            if _is_closed(folder):
                self._notes.fail(folder, "permission denied")
            return None
        python = interpreter_in(folder)
        if python is not None and not self._answers.has_answered(python):
            self._notes.fail_silent(folder)
            return None
        try:
            layout = locate(folder)
        except InventoryError as error:
            self._say(folder, folder, error)
            return None
        except OSError as error:
            self._notes.fail(folder, reason_of(error))
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
            self._notes.fail(path, reason_of(error))
            return None

    def _say(self, path: str, prefix: str, error: InventoryError) -> None:
        """What promises to be an environment and cannot be read is no less than unread."""
        if has_config(prefix) or os.path.isdir(os.path.join(prefix, conda_records.FOLDER)):
            self._notes.fail(path, error.what)
        else:
            _log.debug("no_environment", path=shown(path), reason=error.what)


def _is_closed(folder: str) -> bool:
    """Whether nothing in a folder can be asked for."""
    try:
        os.stat(os.path.join(folder, os.curdir))
    except PermissionError:
        return True
    except OSError:
        return False
    return False
