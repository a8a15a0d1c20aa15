"""``envguard ranks``: what the guard calls, which speaks no TLS itself."""

from __future__ import annotations

import os
import sys

import click

from envguard.errors import EnvguardError, UsageError
from envguard.guard.meeting import MeetingError, meet
from envguard.guard.notes import NOTE_CAP, Agreement, Member, fields_in, first_of, written


@click.command(hidden=True)
def ranks() -> None:
    """Meet the other ranks of a job at the server.

    Scripts call it, by `require(same_on_all_ranks=True)`: standard input says which rank this is and what is
    installed, standard output what the meeting came to.

    Exit code: 0 there is an answer, 2 wrong usage, 3 it could not be done.

    Example: envguard ranks < RANK
    """
    content = sys.stdin.buffer.read(NOTE_CAP + 1)
    try:
        fields = fields_in(content.decode("utf-8", "surrogateescape"))
        me, listing = Member.of(fields), first_of(fields, "listing")[1]
        _, meeting, within = first_of(fields, "meeting")
        within_s = float(within)
    except (ValueError, IndexError) as error:
        raise UsageError(f"no rank is told of: {error}", where="standard input") from error
    text = written(_met(me, listing, meeting, within_s))
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))


def _met(me: Member, listing: str, meeting: str, within_s: float) -> list[list[str]]:
    from envguard.cli.local import existing_state
    from envguard.client import person_client
    from envguard.runs.ranks import ServerPlace

    try:
        place = ServerPlace(person_client(os.environ, existing_state()), meeting)
    except EnvguardError as error:
        return [["nowhere", str(error)]]
    try:
        return meet(place, me, listing, within_s, os.urandom(16).hex()).fields()
    except (MeetingError, EnvguardError) as error:
        return Agreement("unknown", str(error)).fields()
