"""Tokens and machines for a terminal: who comes in, until when, and what ended."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING

from envguard.report.printable import one_line
from envguard.report.printing import print_table, print_text
from envguard.wire import AdmittedMachine, MachineDone, Machines, PersonTokenReply, Revoked, TokenRow, Tokens

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console


def show_tokens(console: Console, found: Tokens) -> None:
    """Print each token in a line."""
    rows = [(each.id, _who(each), _what(each), _day(each.expires_at), _made(each)) for each in found.tokens]
    if rows:
        print_table(console, ("ID!", "WHO", "MAY", "ENDS", "MADE"), rows)
    else:
        print_text(console, "there are no tokens")


def revoked_lines(done: Revoked) -> Iterator[str]:
    """Yield what ended."""
    for each in done.tokens:
        yield f"ended: {each.id}, {one_line(_who(each))}"
    if done.sessions:
        yield f"ended: {done.sessions} sessions of the pages"
    if any(each.kind == "file" for each in done.tokens):
        yield "the server writes another into its file, STATE/admin-token, when it starts again"


def sign_in_line(made: PersonTokenReply) -> str:
    """Answer the command by which a person signs in with a fresh token."""
    known_by = f" --fingerprint {made.ca_fingerprint}" if made.ca_fingerprint is not None else ""
    return f"envguard login {shlex.quote(made.url)}{known_by}"


def show_machines(console: Console, found: Machines) -> None:
    """Print each machine in a line, and what to do about those that wait."""
    rows = [(one_line(each.name), _state(each), _seen(each), _labels(each.labels)) for each in found.machines]
    if rows:
        print_table(console, ("MACHINE", "STATE", "HEARD", "LABELS"), rows)
    else:
        print_text(console, "no machine has joined yet: envguard token new prints a join string")
    for each in found.machines:
        if each.state == "pending":
            name = shlex.quote(one_line(each.name))
            print_text(console, f"yours: envguard machines approve {name}, or retire {name}")


def retired_lines(done: MachineDone, *, is_lost: bool) -> Iterator[str]:
    """Yield what ended with a machine."""
    yield f"retired: {one_line(done.name)}; its secret lets nobody in, what it told stays"
    if done.tokens:
        yield f"ended with it: tokens {', '.join(done.tokens)}"
    if done.sessions:
        yield f"ended with it: {done.sessions} sessions of the pages"
    if is_lost:
        yield "tokens that were used there without envguard are not known: envguard token list"


def _who(row: TokenRow) -> str:
    match row.kind:
        case "person":
            return row.person or ""
        case "file":
            return "admin (the server's file)"
        case "join":
            return "machines that join"


def _what(row: TokenRow) -> str:
    if row.kind != "join":
        return row.role or ""
    waits = ", each approved" if row.needs_approval else ""
    labels = f", as {_labels(row.labels)}" if row.labels else ""
    return f"{row.uses_left} more{waits}{labels}"


def _made(row: TokenRow) -> str:
    by = f" by {one_line(row.made_by)}" if row.made_by is not None else ""
    used = f", used {row.used_on}" if row.used_on is not None else ""
    return f"{_day(row.made_at)}{by}{used}"


def _state(row: AdmittedMachine) -> str:
    return row.state if row.since is None else f"{row.state} since {_day(row.since)}"


def _seen(row: AdmittedMachine) -> str:
    return "never" if row.seen_at is None else f"{row.seen_at:%Y-%m-%d %H:%M}"


def _labels(labels: dict[str, str]) -> str:
    return " ".join(one_line(f"{key}={value}") for key, value in sorted(labels.items()))


def _day(at: datetime | None) -> str:
    return "never" if at is None else f"{at:%Y-%m-%d}"
