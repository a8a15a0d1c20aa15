"""Waivers for a terminal: what each permits, where, until when, by whom, and whether it is needed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from envguard.report.printable import one_line, printable
from envguard.report.printing import print_text
from envguard.wire import WaiverEntry, Waivers, WaiverStep

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console

_STYLES = {"asked": "yellow", "granted": "green"}
_PLACES = 3
"""That one line names."""


def show_waivers(console: Console, document: Waivers, *, is_judged: bool = True) -> None:
    """Print each waiver; without ``is_judged`` nobody looked what they cover."""
    for entry in document.waivers:
        number = "file" if entry.id is None else str(entry.id)
        print_text(
            console, f"{number:<4}  {entry.state:<7}  {_waiver_words(entry)}", _STYLES.get(entry.state, "")
        )
        for line in _told(entry, is_judged=is_judged):
            print_text(console, f"      {line}", "dim")
    if not document.waivers:
        print_text(console, "no waiver is asked for or in force")


def waiver_line(entry: WaiverEntry) -> str:
    """Answer the line of a waiver that somebody just asked for, or decided about."""
    return printable(f"{entry.state}: waiver {entry.id}, {_waiver_words(entry)}")


def _waiver_words(entry: WaiverEntry) -> str:
    """Answer in half a line what a waiver permits, where and until when."""
    kind = f" ({entry.kind})" if entry.kind is not None else ""
    where = entry.machine or "all machines"
    place = f" in {one_line(entry.environment)}" if entry.environment is not None else ""
    return f"{entry.package}{kind} by `{entry.policy}` on {where}{place}, until {_when(entry.until)}"


def _told(entry: WaiverEntry, *, is_judged: bool) -> Iterator[str]:
    if entry.asked is None:
        yield f"granted by {one_line(entry.approved_by or '')}: {one_line(entry.reason)}"
    else:
        yield f"asked by {_step(entry.asked)}: {one_line(entry.reason)}"
    if entry.decided is not None and entry.decided.by + str(entry.decided.at) != _asking(entry):
        word = "granted" if entry.approved_by is not None else "refused"
        yield _with_reason(word, entry.decided)
    if entry.ended is not None:
        yield _with_reason("ended", entry.ended)
    if is_judged and entry.state in ("asked", "granted"):
        yield _covered(entry)


def _asking(entry: WaiverEntry) -> str:
    """Who asked, and when: a lead's waiver is granted in the same moment, which is told once."""
    return "" if entry.asked is None else entry.asked.by + str(entry.asked.at)


def _covered(entry: WaiverEntry) -> str:
    if not entry.acquits:
        return "not needed: nothing that it permits is found now"
    places = [f"{each.machine} {one_line(each.environment)}" for each in entry.acquits]
    more = f", and {len(places) - _PLACES} more" if len(places) > _PLACES else ""
    verb = "covers" if entry.state == "granted" else "would cover"
    return f"{verb} {', '.join(places[:_PLACES])}{more}"


def _with_reason(word: str, step: WaiverStep) -> str:
    reason = f": {one_line(step.reason)}" if step.reason else ""
    return f"{word} by {_step(step)}{reason}"


def _step(step: WaiverStep) -> str:
    return f"{one_line(step.by)} on {_when(step.at)}"


def _when(moment: datetime) -> str:
    return f"{moment:%a %d %b %Y, %H:%M} UTC"
