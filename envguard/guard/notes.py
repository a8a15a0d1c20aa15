"""The notes of a meeting: lines of fields, the first of which names the format, the last their number.

Fields that are not known are passed over.
"""

from envguard.guard.verdict_file import escaped, is_torn, unescaped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable, List

    Fields = List[List[str]]

RANKS_FORMAT = "envguard-ranks 1"
"""The first line of each note."""
NOTE_CAP = 4 * 1024 * 1024
"""No note is longer."""


class Member(object):
    """A rank, and what it is."""

    def __init__(self, rank, size, host, listing, digest):
        # type: (int, int, str, str, str) -> None
        self.rank = rank
        self.size = size
        self.host = host
        self.listing = listing
        self.digest = digest

    def fields(self):
        # type: () -> Fields
        """What a note says of it."""
        return [["rank", str(self.rank), str(self.size), self.host, self.listing, self.digest]]

    @classmethod
    def of(cls, fields):
        # type: (Fields) -> Member
        """The one that a note tells of. Raises ValueError and IndexError."""
        line = first_of(fields, "rank")
        return cls(int(line[1]), int(line[2]), line[3], line[4], line[5])


class Agreement(object):
    """What a meeting came to: an outcome as a verdict has it, why, and how ranks differ from rank 0.

    A difference is its kind, the package, rank 0's version, the other's, and whose.
    """

    def __init__(self, outcome, reason="", differences=()):
        # type: (str, str, Iterable[List[str]]) -> None
        self.outcome = outcome
        self.reason = reason
        self.differences = [list(each) for each in differences]

    def fields(self):
        # type: () -> Fields
        """What a note says of it."""
        return [["outcome", self.outcome, self.reason]] + [["differs"] + each for each in self.differences]

    @classmethod
    def of(cls, fields):
        # type: (Fields) -> Agreement
        """The one that a note tells of. Raises ValueError and IndexError."""
        _, outcome, reason = first_of(fields, "outcome")[:3]
        differences = [line[1:6] for line in fields if line[0] == "differs"]
        if outcome not in ("compliant", "drifted", "unknown") or any(len(line) != 5 for line in differences):
            raise ValueError(outcome)
        if (outcome == "drifted") != bool(differences):
            raise ValueError("it contradicts itself")
        return cls(outcome, reason, differences)


def written(fields):
    # type: (Fields) -> str
    """Fields as the text of a note."""
    lines = [RANKS_FORMAT] + ["\t".join(escaped(each) for each in line) for line in fields]
    return "\n".join(lines + ["end\t%d" % len(lines), ""])


def fields_in(text):
    # type: (str) -> Fields
    """The fields of a note. Raises ValueError where it is torn, or of another format."""
    lines = text.split("\n")
    if lines[0] != RANKS_FORMAT:
        raise ValueError("it is not of `%s`: `%s`" % (RANKS_FORMAT, lines[0][:40]))
    if is_torn(lines):
        raise ValueError("it is torn")
    return [[unescaped(each) for each in line.split("\t")] for line in lines[1:-2]]


def first_of(fields, name):
    # type: (Fields, str) -> List[str]
    """The first line of a name. Raises ValueError."""
    for line in fields:
        if line[0] == name:
            return line
    raise ValueError("a note without `%s`" % name)
