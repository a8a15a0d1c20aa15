"""A folder that all ranks see, as the place of a meeting.

Rules
1. Each job has a folder of its own in it, that nobody else can write: 0700, of the user whom the file system
   takes this process for (which is not always the one that it has, where root is squashed).
2. Only regular files of that user are read, up to a size, and never through a link. Files come whole, by a
   rename.
3. What is older than a day, by the file system's own clock, is swept away: nothing but files of meetings.
4. Network file systems remember for a while that a file is absent: a look at the folder corrects that.
"""

import os
import stat

from envguard.guard.files import bytes_of, names_in, owned_content, text_of
from envguard.guard.meeting import MeetingError, Place
from envguard.guard.notes import NOTE_CAP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable, List, Optional

_KINDS = ("hello", "welcome", "ack", "final", "listing", "new")
_OLD_S = 24 * 3600.0
_MOST_SWEPT = 10000


class FolderPlace(Place):
    """A job's folder in a folder of meetings."""

    def __init__(self, folder, key, word, hint=""):
        # type: (str, str, str, str) -> None
        self.around = folder
        self.folder = os.path.join(folder, "meeting-%d-%s" % (os.geteuid(), key))
        self.word = word
        self.words = " in `%s`" % folder
        self.hint = hint
        self._misses = 0
        self._written = 0
        self._enter()

    def _enter(self):
        # type: () -> None
        """Make the job's folder, and learn who this user is there. Raises MeetingError."""
        try:
            try:
                os.mkdir(self.folder, 0o700)
            except OSError as error:
                if error.errno != 17:
                    raise
            status = os.lstat(self.folder)
            if not stat.S_ISDIR(status.st_mode) or status.st_mode & 0o022:
                raise MeetingError("`%s` is no folder that nobody else can write" % self.folder)
            own = os.stat(self._write(b""))
        except OSError as error:
            raise MeetingError("ranks cannot meet in `%s`: %s" % (self.folder, error.strerror))
        self.uid = own.st_uid
        self.now = own.st_mtime
        _remove(os.unlink, self._path("new.%s.0" % self.word))
        if status.st_uid != self.uid:
            raise MeetingError("`%s` is another user's" % self.folder)

    def put(self, name, text):
        # type: (str, str) -> None
        """Write a note beside its place, and rename it. Raises MeetingError."""
        try:
            os.rename(self._write(bytes_of(text)), self._path(name))
        except OSError as error:
            raise MeetingError("a note cannot be written in `%s`: %s" % (self.folder, error.strerror))

    def get(self, name):
        # type: (str) -> Optional[str]
        """Read a note of this user's own; None for any other."""
        content = owned_content(self._path(name), (self.uid,), 0, NOTE_CAP)
        if content is not None:
            return text_of(content)
        self._misses += 1
        if self._misses % 4 == 0:
            names_in(self.folder)
        return None

    def names(self):
        # type: () -> List[str]
        """The names of all files. Raises MeetingError."""
        names = names_in(self.folder)
        if names is None:
            raise MeetingError("`%s` cannot be read" % self.folder)
        return names

    def drop(self, names):
        # type: (Iterable[str]) -> None
        """Take back what nobody needs any more."""
        for name in names:
            _remove(os.unlink, self._path(name))

    def sweep(self):
        # type: () -> None
        """Remove what is left of meetings that are over a day old."""
        left = _MOST_SWEPT
        for meeting in names_in(self.around) or []:
            folder = os.path.join(self.around, meeting)
            if not meeting.startswith("meeting-") or not self._is_old(folder, stat.S_ISDIR):
                continue
            for name in names_in(folder) or []:
                path = os.path.join(folder, name)
                if left and name.partition(".")[0] in _KINDS and self._is_old(path, stat.S_ISREG):
                    left -= 1
                    _remove(os.unlink, path)
            _remove(os.rmdir, folder)

    def _is_old(self, path, is_kind):
        # type: (str, Any) -> bool
        try:
            status = os.lstat(path)
        except OSError:
            return False
        is_own = is_kind(status.st_mode) and status.st_uid == self.uid
        return bool(is_own and status.st_mtime < self.now - _OLD_S)

    def _path(self, name):
        # type: (str) -> str
        return os.path.join(self.folder, name)

    def _write(self, content):
        # type: (bytes) -> str
        """Write a file of a new name, whole. Raises OSError."""
        path = self._path("new.%s.%d" % (self.word, self._written))
        self._written += 1
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
        try:
            while content:
                content = content[os.write(descriptor, content) :]
        finally:
            os.close(descriptor)
        return path


def _remove(remove, path):
    # type: (Any, str) -> None
    try:
        remove(path)
    except OSError:
        pass  # another rank did it, or it is not empty
