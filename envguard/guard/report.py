"""What people read of a verdict."""

import sys

from envguard.guard.files import IS_OLD
from envguard.guard.interpreter import python_version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Optional  # noqa: F401 - pyflakes reads no type comments

    from envguard.guard.verdict import Finding, Verdict  # noqa: F401 - pyflakes reads no type comments

ALLOW = "ENVGUARD_ALLOW_DRIFT"
"""The variable that lets a script run all the same, and says why."""
_ROWS = 20


def report(verdict, allowed=None):
    # type: (Verdict, Optional[str]) -> str
    """The verdict as a table: expected, actual, and the commands that mend it.

    ``allowed`` is the reason for which the script runs all the same.
    """
    counting = [each for each in verdict.findings if each.counts]
    others = [each for each in verdict.findings if each.severity == "warn" and not each.waived]
    name = "`%s`" % verdict.policy if verdict.policy else "what the script asks for"
    if not verdict.policy and verdict.source is None:
        name = "the policy of the project"  # none could be had, and so nothing was asked of one
    if verdict.policy and verdict.revision is not None:
        name += " r%d" % verdict.revision
    first = {"drifted": "drifted from %s: %s" % (name, _counted(len(counting), "error"))}
    lines = [first.get(verdict.verdict, "%s: %s" % (verdict.verdict, name))]
    where = "%s, Python %s" % (verdict.environment, python_version())
    lines += [where + ("; " + verdict.source if verdict.source else "")]
    if verdict.reason:
        lines += ["", verdict.reason]
    if counting or others:
        lines += [""] + _table(counting + others)
    lines += _advice(verdict, counting, allowed)
    return "\n".join(_printable(line) for line in lines)


def say(text):
    # type: (str) -> None
    """Write lines to standard error, if there is one."""
    stream = sys.stderr
    try:
        stream.write(text + "\n")
    except (AttributeError, ValueError, OSError, IOError):  # noqa: UP024 - two classes in Python 2
        pass  # there is no stderr, or it takes no such text: nothing is worth failing for


def _counted(number, word):
    # type: (int, str) -> str
    return "%d %s%s" % (number, word, "" if number == 1 else "s")


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


def _advice(verdict, counting, allowed):
    # type: (Verdict, List[Finding], Optional[str]) -> List[str]
    if verdict.verdict == "compliant":
        return []
    lines = []  # type: List[str]
    for each in counting[:_ROWS]:
        if each.fix and "mend   " + each.fix not in lines:
            lines.append("mend   " + each.fix)
    if allowed:
        lines.append("start  all the same: %s (%s)" % (allowed, ALLOW))
    elif verdict.refuses or verdict.verdict == "unknown":
        lines.append("start  %s=REASON lets it run all the same" % ALLOW)
    return [""] + lines if lines else []


def _printable(line):
    # type: (str) -> str
    """A line without what a terminal would obey, and without what no encoding has."""
    return "".join("?" if _is_control(ord(sign)) else sign for sign in line)


def _is_control(number):
    # type: (int) -> bool
    if IS_OLD:  # bytes of UTF-8
        return number < 32 or number == 127
    return number < 32 or 127 <= number < 160 or 0xD800 <= number < 0xE000
