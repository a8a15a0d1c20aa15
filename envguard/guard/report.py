"""What people read of a verdict."""

import sys

from envguard.guard.files import IS_OLD
from envguard.guard.interpreter import python_version
from envguard.guard.verdict import ASKED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Optional

    from envguard.guard.verdict import Finding, Verdict

ALLOW = "ENVGUARD_ALLOW_DRIFT"
"""The variable that lets a script run all the same, and says why."""
_ROWS = 20


def report(verdict, allowed=None, stops=True):
    # type: (Verdict, Optional[str], bool) -> str
    """The verdict as a table: expected, actual, and the commands that mend it.

    ``allowed`` is the reason for which the script runs all the same; none is needed where nothing ``stops``
    it.
    """
    advice = mends_of(verdict)
    if verdict.verdict == "compliant":
        return printable(told_of(verdict))
    if allowed and stops:
        advice.append("start  all the same: %s (%s)" % (allowed, ALLOW))
    elif stops and (verdict.refuses or verdict.verdict == "unknown"):
        advice.append("start  %s=REASON lets it run all the same" % ALLOW)
    return printable(told_of(verdict) + ([""] + advice if advice else []))


def told_of(verdict):
    # type: (Verdict) -> List[str]
    """The lines that say what was decided, by what, and what differs."""
    others = [each for each in verdict.findings if each.severity == "warn" and not each.waived]
    counting = counting_in(verdict)
    name = _name_of(verdict)
    first = {"drifted": "drifted from %s: %s" % (name, counted(len(counting), "error"))}
    lines = [first.get(verdict.verdict, "%s: %s" % (verdict.verdict, name))]
    where = "%s, Python %s" % (verdict.environment, python_version())
    lines += [where + ("; " + verdict.source if verdict.source else "")]
    if verdict.reason:
        lines += ["", verdict.reason]
    if counting or others:
        lines += [""] + _table(counting + others)
    return lines


def mends_of(verdict):
    # type: (Verdict) -> List[str]
    """The lines that mend what counts."""
    lines = []  # type: List[str]
    for each in counting_in(verdict)[:_ROWS]:
        if each.fix and "mend   " + each.fix not in lines:
            lines.append("mend   " + each.fix)
    return lines


def counting_in(verdict):
    # type: (Verdict) -> List[Finding]
    """The findings that decide."""
    return [each for each in verdict.findings if each.counts]


def say(text):
    # type: (str) -> None
    """Write lines to standard error, if there is one."""
    stream = sys.stderr
    try:
        stream.write(text + "\n")
    except (AttributeError, ValueError, OSError, IOError):
        pass  # there is no stderr, or it takes no such text: nothing is worth failing for


def counted(number, word):
    # type: (int, str) -> str
    """A number of things, in words."""
    return "%d %s%s" % (number, word, "" if number == 1 else "s")


def _name_of(verdict):
    # type: (Verdict) -> str
    """By what it was judged, in words."""
    if not verdict.policy:
        return "what the script asks for" if verdict.source == ASKED else "the policy of the project"
    return "`%s`" % verdict.policy + ("" if verdict.revision is None else " r%d" % verdict.revision)


def _table(findings):
    # type: (List[Finding]) -> List[str]
    rows = [("package", "expected", "actual", "why")]
    for each in findings[:_ROWS]:
        why = [each.kind if each.severity == "error" else "%s: %s" % (each.severity, each.kind), each.reason]
        words = "; ".join(word for word in why if word) + (" (%s)" % each.place if each.place else "")
        rows.append((each.package or "-", each.expected or "-", each.actual or "absent", words))
    widths = [min(40, max(len(row[column]) for row in rows)) for column in range(3)]
    lines = ["  ".join([row[at].ljust(widths[at]) for at in range(3)] + [row[3]]).rstrip() for row in rows]
    more = len(findings) - _ROWS
    return lines + (["and %d more" % more] if more > 0 else [])


def printable(lines):
    # type: (List[str]) -> str
    """Lines without what a terminal would obey, and without what no encoding has."""
    return "\n".join("".join("?" if _is_control(ord(sign)) else sign for sign in line) for line in lines)


def words_of(error):
    # type: (Exception) -> str
    """What an error says; where Python 2 cannot print that, how it is written."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - whatever another's class raises, it is told in a message of ours
        return repr(error)


def _is_control(number):
    # type: (int) -> bool
    if IS_OLD:  # bytes of UTF-8
        return number < 32 or number == 127
    return number < 32 or 127 <= number < 160 or 0xD800 <= number < 0xE000
