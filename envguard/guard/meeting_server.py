"""The server as the place of a meeting, by way of ``envguard ranks``: the guard speaks no TLS."""

import os
import sys

from envguard.guard.command import envguard_command, output_of
from envguard.guard.files import bytes_of, text_of
from envguard.guard.meeting import NAME_A_FOLDER, MeetingError
from envguard.guard.notes import Agreement, fields_in, written

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional, Tuple

    from envguard.guard.launcher import Seat
    from envguard.guard.notes import Member

_START_S = 20.0
"""For the command to start, and to end."""


def by_server(seat, me, listing, within_s):
    # type: (Seat, Member, str, float) -> Tuple[Optional[Agreement], str]
    """What the meeting at the server came to; None where there is no server that can be asked, and why.

    Raises MeetingError where the meeting broke off.
    """
    if not _may_have_a_server():
        return None, ""
    command = envguard_command()
    if command is None:
        return None, "there is no `envguard` command"
    from tempfile import TemporaryFile

    text = written(me.fields() + [["meeting", seat.key(), "%g" % within_s], ["listing", listing]])
    try:
        with TemporaryFile() as given:
            given.write(bytes_of(text))
            given.seek(0)
            told = output_of(command + ["ranks"], 2 * within_s + _START_S, given)
    except (OSError, IOError) as error:
        raise MeetingError("`envguard ranks` cannot be asked: %s%s" % (error.strerror, NAME_A_FOLDER))
    try:
        fields = fields_in(text_of(told or b""))
        return (None, fields[0][1]) if fields[0][0] == "nowhere" else (Agreement.of(fields), "")
    except (ValueError, IndexError):
        pass
    raise MeetingError("`envguard ranks` gives no answer that is understood" + NAME_A_FOLDER)


def _may_have_a_server():
    # type: () -> bool
    """Whether a person names a server, or this user may read which one this machine joined."""
    if os.environ.get("ENVGUARD_SERVER"):
        return True
    state = os.environ.get("ENVGUARD_STATE")
    if not state and sys.platform == "darwin":
        state = os.path.expanduser("~/Library/Application Support/envguard")
    elif not state:
        around = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
        state = os.path.join(around, "envguard")
    return os.access(os.path.join(state, "identity.json"), os.R_OK)
