"""The agent's verdict on this environment: its lines, and the file in which it keeps them."""

import os
import time

from envguard.guard.files import FILE_CAP, IS_OLD, PLAIN, owned_content, read_file, text_of, trusted_uids
from envguard.guard.interpreter import recorded_prefixes
from envguard.guard.verdict import Finding, Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

    from envguard.guard.verdict import Answer

FORMAT = "envguard-verdict 1"
"""The first line of a verdict file, and of an answer on the socket."""
_BOOT_ID = "/proc/sys/kernel/random/boot_id"


def runtime_folders():
    # type: () -> List[str]
    """Where an agent may tell its verdicts: this user's, then the machine's."""
    own = os.environ.get("XDG_RUNTIME_DIR") or ""
    return ([os.path.join(own, "envguard")] if own.startswith("/") else []) + ["/run/envguard"]


def verdict_name(prefix):
    # type: (str) -> str
    """The name of the file in which the agent keeps the verdict on an environment."""
    from binascii import crc32

    plain = "".join(sign if sign in PLAIN else "_" for sign in prefix[-80:])
    content = prefix if IS_OLD else os.fsencode(prefix)  # type: Any
    return "%s-%08x" % (plain, crc32(content) & 0xFFFFFFFF)


def by_file(asked):
    # type: (Optional[str]) -> Answer
    """What the agent's file says, by the policy that is asked for."""
    for folder in runtime_folders():
        for prefix in recorded_prefixes():
            path = os.path.join(folder, "verdicts", verdict_name(prefix))
            content = owned_content(path, trusted_uids(), 0o022, FILE_CAP)
            told = None if content is None else Told.of(text_of(content))
            if told is not None and told.answers(prefix, asked) and told.holds():
                return told.verdict, ""
    return None, "the agent has no fresh verdict"


class Told(object):
    """What the agent says of an environment, in its lines."""

    def __init__(self):
        # type: () -> None
        self.fields = {}  # type: Dict[str, List[str]]
        self.findings = []  # type: List[Finding]
        self.notes = []  # type: List[Tuple[str, str]]

    @classmethod
    def of(cls, text):
        # type: (str) -> Optional[Told]
        """What lines say; None where they are torn, or not understood."""
        lines = text.split("\n")
        if lines[0] != FORMAT or is_torn(lines):
            return None
        told = cls()
        try:
            told._take(lines[1:-2])
            told._understand()
        except (ValueError, IndexError, KeyError, OverflowError):
            return None
        return told

    def _take(self, lines):
        # type: (Sequence[str]) -> None
        folder = ""
        for line in lines:
            if line.startswith("is\t"):
                self.notes.append((folder, line))
                continue
            fields = line.split("\t")
            if fields[0] == "in":
                folder = unescaped(fields[1])
            elif fields[0] == "finding":
                kind, severity, package, expected, actual, reason, place, fix, waived = [
                    unescaped(each) or None for each in fields[1:]
                ]
                told = (package, expected, actual, reason, place, fix, waived)
                self.findings.append(Finding(kind or "", severity or "", *told))
            elif fields[0] in self.fields:
                raise ValueError(line)
            else:
                self.fields[fields[0]] = [unescaped(each) for each in fields[1:]]

    def _understand(self):
        # type: () -> None
        fields = self.fields
        known = ("environment", "boot", "times", "policy", "verdict", "digest", "source", "reason")
        if any(name not in known for name in fields):
            raise ValueError("a line that is not known")
        self.name, revision, _, self.bound_by, before_run = fields["policy"]
        outcome = fields["verdict"][0]
        if outcome not in ("compliant", "drifted", "unknown") or before_run not in ("refuse", "warn"):
            raise ValueError(outcome)
        if outcome == "compliant" and any(each.counts for each in self.findings):
            raise ValueError("it contradicts itself")
        self.judged_at, self.until = [float(each) for each in fields["times"]]
        self.verdict = Verdict(
            outcome,
            fields["environment"][0],
            fields["digest"][0],
            self.name,
            None if revision == "-" else int(revision),
            self.findings,
            fields["source"][0] if "source" in fields else None,
            fields["reason"][0] if "reason" in fields else None,
            before_run == "refuse",
        )

    def answers(self, prefix, asked):
        # type: (str, Optional[str]) -> bool
        """Whether this is about what was asked: this environment, this policy, now."""
        if self.fields["environment"][0] != prefix or not self.judged_at <= time.time() < self.until:
            return False
        boot = text_of(read_file(_BOOT_ID, 64) or b"").strip()
        if not boot or self.fields["boot"][0] != boot:
            return False
        if asked is not None:
            return asked == self.name
        return self.bound_by in ("use", "marker") or (
            self.bound_by == "applies-to" and next(markers_around(), None) is None
        )

    def holds(self):
        # type: () -> bool
        """Whether each file that was noted is as it was."""
        return bool(self.notes) and all(_is_as_noted(folder, line) for folder, line in self.notes)


def is_torn(lines):
    # type: (Sequence[str]) -> bool
    """Whether a text, split into lines, does not end with their number."""
    return len(lines) < 3 or bool(lines[-1]) or lines[-2] != "end\t%d" % (len(lines) - 2)


def escaped(field):
    # type: (str) -> str
    """A field as lines carry it."""
    for sign, written in (("\\", "\\\\"), ("\t", "\\t"), ("\r", "\\r"), ("\n", "\\n")):
        field = field.replace(sign, written)
    return field


def unescaped(field):
    # type: (str) -> str
    """What a field of a line says."""
    if "\\" not in field:
        return field
    parts = field.split("\\\\")
    return "\\".join(part.replace("\\t", "\t").replace("\\r", "\r").replace("\\n", "\n") for part in parts)


def _is_as_noted(folder, line):
    # type: (str, str) -> bool
    """Whether a file is as a line notes it; this is asked several hundred times."""
    mark, _, path = line.rpartition("\t")
    if "\\" in path:
        path = unescaped(path)
    try:
        status = os.stat(folder + "/" + path if folder else path)
    except OSError as error:
        return error.errno in (2, 20) and mark == "is\t0\t0\t0\t0"
    except ValueError:
        return False
    return _has_mark(status, mark)


if IS_OLD:

    def _has_mark(status, mark):
        # type: (os.stat_result, str) -> bool
        """Python 2 has seconds only: as a sum of both parts, which is made here the same way."""
        try:
            device, inode, mtime, ctime = [int(each) for each in mark.split("\t")[1:]]
        except ValueError:
            return False
        times = [each // 1000000000 + 1e-9 * (each % 1000000000) for each in (mtime, ctime)]
        return [status.st_dev, status.st_ino, status.st_mtime, status.st_ctime] == [device, inode] + times

else:

    def _has_mark(status, mark):
        # type: (os.stat_result, str) -> bool
        told = (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns)
        return mark == "is\t%d\t%d\t%d\t%d" % told


def markers_around(any_of_them=False):
    # type: (bool) -> Iterator[str]
    """The files around the working folder that may name another policy, the nearest first.

    What is no plain file may name one; ``any_of_them`` is what makes a folder a project's as well.
    """
    try:
        folder = os.getcwd()
    except OSError:
        yield ""
        return
    while True:
        marker, project = os.path.join(folder, ".envguard.yaml"), os.path.join(folder, "pyproject.toml")
        if os.path.lexists(marker):
            yield marker
        if os.path.lexists(project):
            content = None if any_of_them else read_file(project, FILE_CAP)
            if content is None or len(content) == FILE_CAP or b"envguard" in content or b"\\" in content:
                yield project
        above = os.path.dirname(folder)
        if above == folder:
            return
        folder = above
