"""A verdict without findings as plain lines: what the terminal would show, without what styles it.

The library that lays out and colours takes as long to import as reading two hundred packages.
"""

from __future__ import annotations

from envguard.domain.environment import Environment
from envguard.domain.verdict import Verdict
from envguard.report.here import Here
from envguard.report.printable import printable


def verdict_line(verdict: Verdict) -> str:
    """Answer the first line of a verdict."""
    policy = verdict.policy
    if policy is None:
        return verdict.verdict
    name = f"`{policy.name}`" + (f" r{policy.revision}" if policy.revision is not None else "")
    counting = [each for each in verdict.findings if each.waived is None]
    errors = sum(each.severity == "error" for each in counting)
    warnings = sum(each.severity == "warn" for each in counting)
    counts = ", ".join(
        f"{count} {word}{'' if count == 1 else 's'}"
        for count, word in ((errors, "error"), (warnings, "warning"))
        if count
    )
    joint = {"compliant": "compliant with", "drifted": "drifted from", "unknown": "unknown by"}
    line = f"{joint.get(verdict.verdict, verdict.verdict)} {name}"
    return f"{line}: {counts}" if counts else line


def context_line(verdict: Verdict, environment: Environment, chosen: str, here: Here) -> str:
    """Answer what was judged: where, by which Python, how much, and why this one."""
    snapshot = environment.snapshot
    count = len(snapshot.packages)
    packages = "1 package" if count == 1 else f"{count} packages"
    path = here.shown(verdict.environment)
    return f"{path}, Python {snapshot.interpreter.version}, {packages} ({chosen})"


def brief_verdict(
    verdict: Verdict, environment: Environment, *, chosen: str, source: str, here: Here, width: int
) -> str | None:
    """Answer a verdict without findings in one or two lines; None where it needs more to be laid out."""
    if verdict.findings or verdict.reason is not None:
        return None
    context = printable(context_line(verdict, environment, chosen, here))
    source = printable(source)
    joined = f"{context}; {source}"
    places = [joined] if len(joined) <= width else [f"{context};", source]
    lines = [printable(verdict_line(verdict)), *places]
    return "\n".join(lines) if all(_fits(line, width) for line in lines) else None


def _fits(line: str, width: int) -> bool:
    """Whether the line would be printed as it is: not broken, not stripped, each character in one column."""
    return line.isascii() and len(line) <= width and line == line.strip()
