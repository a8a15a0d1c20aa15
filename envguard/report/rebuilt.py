"""An environment that was made again: what it is, in what it differs, and how the run is started again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

from envguard.domain.comparison import Comparison, EnvironmentSide
from envguard.domain.difference import FieldDifference
from envguard.domain.environment import Digest
from envguard.domain.recipe import NotMade
from envguard.domain.secrets import MASK
from envguard.report.compared import ContentsPart
from envguard.report.differences import show_comparison
from envguard.report.printing import print_table, print_text, words

if TYPE_CHECKING:
    from rich.console import Console

    from envguard.report.here import Here

SourceKind = Literal["run", "lock", "policy"]


class Again(msgspec.Struct, frozen=True, kw_only=True):
    """How a run is started again."""

    commit: str | None
    """What to check out."""
    dirty: bool | None
    """Whether that tree had changes, which no receipt keeps; None where it is not known."""
    is_checked_out: bool
    """Whether it is checked out here, without changes."""
    folder: str
    """Where the run was started."""
    command: str | None
    """What to type; None where nothing was started then."""
    in_own_environment: bool
    """The command chooses its environment by itself: it is as it was then, and does not use the new one."""


class RebuildDocument(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/rebuild/1"
):
    """``rebuild --json``: what was made."""

    source: str
    """As the command line names it."""
    kind: SourceKind
    environment: str
    """The folder that was made."""
    python: str
    """The interpreter by which one runs it."""
    same: bool
    """Of a run, whether it has its digest; else, whether it is what the lock says."""
    digest: Digest
    wanted: Digest | None
    """The digest of the run's environment; None of a lock."""
    installer: Literal["uv", "pip"]
    packages: int
    by_hash: int
    """How many of them had to have a digest that is known."""
    not_made: tuple[NotMade, ...]
    """What is left to the person."""
    modified: tuple[str, ...]
    """Packages that have files which are not as they say."""
    differs: ContentsPart
    """``a`` is what was wanted, ``b`` what was made."""
    facts: tuple[FieldDifference, ...]
    """How the machines differ."""
    again: Again | None


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be told of an environment that was made."""

    document: RebuildDocument
    comparison: Comparison
    lines: tuple[str | None, ...]
    """What installs each that is left to the person, as one types it."""


def show_rebuilt(console: Console, rebuilt: Rebuilt, *, here: Here, is_verbose: bool) -> None:
    """Print what was made, what differs, and how to go on."""
    document = rebuilt.document
    print_text(console, _headline(document, here), "green" if document.same else "bold")
    print_text(console, _how(document, rebuilt.comparison))
    if document.modified:
        print_text(console, f"files are not as their package says: {', '.join(document.modified)}", "bold")
    if not rebuilt.comparison.is_equal:
        console.print()
        show_comparison(console, rebuilt.comparison, here=here, is_verbose=is_verbose)
    if document.not_made:
        console.print()
        _show_left(console, document.not_made, rebuilt.lines)
    if document.again is not None:
        console.print()
        _show_again(console, document.again)


def _show_left(console: Console, left: Sequence[NotMade], lines: Sequence[str | None]) -> None:
    print_table(
        console, ("LEFT TO YOU", "", ""), [(each.name, each.version or "", each.reason) for each in left]
    )
    for each, line in zip(left, lines, strict=True):
        if each.commit is not None and each.install:
            folder = shlex.quote(each.install[-1])
            _print_command(console, "", f"git -C {folder} checkout {each.commit}")
        if line is not None:
            _print_command(console, "", line)


def _headline(document: RebuildDocument, here: Here) -> str:
    made = f"made {here.shown(document.environment)}"
    if document.kind == "run":
        return f"{made}: {'' if document.same else 'not '}the environment of {document.source}"
    return f"{made}: {'' if document.same else 'not '}what {document.source} says"


def _how(document: RebuildDocument, comparison: Comparison) -> str:
    made = comparison.b
    python = made.snapshot.interpreter.version if isinstance(made, EnvironmentSide) else ""
    noun = "package" if document.packages == 1 else "packages"
    line = f"Python {python}, {document.packages} {noun} by {document.installer}"
    if not document.packages:
        return line
    if not document.by_hash:
        return f"{line}; no digest of theirs is known"
    how_many = "all" if document.by_hash == document.packages else document.by_hash
    return f"{line}, {how_many} held to a known digest"


def _show_again(console: Console, again: Again) -> None:
    if again.is_checked_out:
        print_text(console, f"code   {again.commit} is checked out here")
    elif again.commit is not None:
        _print_command(console, "code", f"git checkout {again.commit}")
    if again.dirty:
        print_text(console, "       the tree had changes then, which no receipt keeps")
    if again.command is not None:
        _print_command(console, "ran" if again.in_own_environment else "again", again.command)
        if MASK in again.command:
            print_text(console, f"       {MASK} stands for what the receipt does not hold")


def _print_command(console: Console, label: str, command: str) -> None:
    """Print a line that can be pasted: it is never broken."""
    console.print(words(f"{label:<5}  ", "bold").append_text(words(command, "not bold")), soft_wrap=True)
