"""What was pulled, as text and as JSON; the rules of ``report.documents`` bind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from envguard.report.printable import encodable, printable
from envguard.runs.pulling import Pulled


class PullDocument(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/pull/1"):
    """``policy pull --json``: what is in the user's cache now, and what is no longer."""

    folder: str
    policies: tuple[Pulled, ...]


def pull_document(folder: str, pulled: Sequence[Pulled]) -> PullDocument:
    """Answer the JSON of a pull."""
    return PullDocument(folder=encodable(folder), policies=tuple(pulled))


def pull_lines(pulled: Sequence[Pulled]) -> Iterator[str]:
    """Yield a line for each policy."""
    for each in pulled:
        name = printable(each.name)
        if each.revision is None:
            yield f"{name}  removed: the server no longer has it"
        elif each.change == "changed":
            yield f"{name}  r{each.revision}  changed, was r{each.before}"
        else:
            yield f"{name}  r{each.revision}  {each.change}"
