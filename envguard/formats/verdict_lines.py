r"""Verdicts as lines of fields, for readers that cannot wait for a parser of JSON.

Rules
1. UTF-8, bytes that are none kept as they are (surrogateescape). One record a line, fields apart by a tab; in
   a field backslash, tab, carriage return and line feed are ``\\``, ``\t``, ``\r`` and ``\n``.
2. The first line names the version. A reader that does not know it takes nothing.
3. The last line is ``end`` and the number of lines before it: a text without it, or with another number, is
   torn.
4. A field that has nothing to say is empty; a policy that no server numbered has the revision ``-``.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone

import msgspec

from envguard.domain.binding import Source
from envguard.domain.policy import BeforeRun
from envguard.domain.verdict import JudgedFinding, Verdict

FIRST_LINE = "envguard-verdict 1"

_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\r": r"\r", "\n": r"\n"})
_ESCAPED = {"\\": "\\", "t": "\t", "r": "\r", "n": "\n"}


class Times(msgspec.Struct, frozen=True):
    """From when until when a verdict is one, in whole seconds since the epoch."""

    judged_at: int
    until: int
    """The first second in which it is none."""

    def include(self, now_s: float) -> bool:
        """Whether the verdict is one now; one of the future was told by a wrong clock."""
        return self.judged_at <= now_s < self.until


class Binding(msgspec.Struct, frozen=True):
    """Why a policy judges an environment, and what it wants of runs."""

    source: Source
    words: str
    before_run: BeforeRun


def verdict_lines(verdict: Verdict, binding: Binding, times: Times, *, boot: str) -> list[str]:
    """Answer the lines of a verdict, from the first to its last finding; ValueError without a policy."""
    policy = verdict.policy
    if policy is None or policy.digest is None:
        raise ValueError(f"no policy judged {verdict.environment}")
    revision = "-" if policy.revision is None else str(policy.revision)
    lines = [
        FIRST_LINE,
        line("environment", verdict.environment),
        line("boot", boot),
        line("times", str(times.judged_at), str(times.until)),
        line("policy", policy.name, revision, policy.digest, binding.source, binding.before_run),
        line("verdict", verdict.verdict),
        line("digest", verdict.digest or ""),
        line("source", binding.words),
    ]
    if verdict.reason is not None:
        lines.append(line("reason", verdict.reason))
    lines += map(_finding, verdict.findings)
    return lines


def whole(lines: Iterable[str], notes: bytes = b"") -> bytes:
    """Answer the text of these lines and of what follows them, with its end; notes are whole lines."""
    text = "".join(f"{each}\n" for each in lines).encode("utf-8", "surrogateescape") + notes
    return text + b"end\t%d\n" % text.count(b"\n")


def line_alone(*fields: str) -> bytes:
    """Answer a text that is one line of these fields, and has no end of its own."""
    return f"{line(*fields)}\n".encode("utf-8", "surrogateescape")


def line(*fields: str) -> str:
    """Answer a line of these fields, without its end."""
    return "\t".join(map(field, fields))


def field(text: str) -> str:
    """Answer a text as it stands in a field."""
    return text.translate(_ESCAPES)


def text_of(written: str) -> str:
    """Answer the text that stands in a field; ValueError where no field is written like this."""
    parts = written.split("\\")
    text, position = parts[0], 1
    while position < len(parts):
        part = parts[position]
        if part:
            text += _meant(part[0]) + part[1:]
        else:  # an escaped backslash: what follows it is plain
            if position + 1 == len(parts):
                raise ValueError("a backslash ends the field")
            position += 1
            text += "\\" + parts[position]
        position += 1
    return text


def _meant(letter: str) -> str:
    if letter not in _ESCAPED:
        raise ValueError(f"no such escape: {letter!r}")
    return _ESCAPED[letter]


def _finding(finding: JudgedFinding) -> str:
    fields = (
        finding.kind,
        finding.severity,
        finding.package,
        finding.expected,
        finding.actual,
        finding.reason,
        finding.place,
        finding.fix,
        None if finding.waived is None else _moment(finding.waived.until),
    )
    return line("finding", *(each or "" for each in fields))


def _moment(at: datetime) -> str:
    return at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
