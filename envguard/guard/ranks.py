"""``same_on_all_ranks``: every rank of a job is what rank 0 is, or every rank says which is not.

Rules
1. Compared are the listings, always, and the digests of snapshots where both know theirs.
2. The place is the folder that ENVGUARD_RANKS names; else the server, where this machine or person has one;
   else `.envguard/ranks` in the working folder.
3. What a process of a rank starts inherits that it met, and is held to the listing of that meeting.
"""

import os

from envguard.guard.launcher import seat_of
from envguard.guard.listing import digest_of_listing, listing_here, plain
from envguard.guard.meeting import NAME_A_FOLDER, MeetingError, meet
from envguard.guard.notes import Agreement, Member
from envguard.guard.verdict import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envguard.guard.launcher import Seat
    from envguard.guard.verdict import Verdict

_MET = "ENVGUARD_RANKS_MET"
_WITHIN_S = 60.0
_MOST_S = 24 * 3600.0


def hold_to_rank_0(verdict):
    # type: (Verdict) -> None
    """Meet the other ranks, and take into a verdict what came of it."""
    seat, reason = seat_of(os.environ)
    if seat is None and not reason:
        return
    if seat is None:
        agreement = Agreement("unknown", "which rank this is: %s" % reason)
    elif seat.size == 1:
        return
    else:
        agreement = _agreement(seat, verdict.digest or "")
    if agreement.outcome == "compliant":
        return
    verdict.reason = "; ".join(each for each in (verdict.reason, agreement.reason) if each)
    verdict.add(
        [
            Finding(kind, "error", package or None, own or "absent", other or None, whose)
            for kind, package, own, other, whose in agreement.differences
        ]
    )
    if agreement.outcome == "drifted":
        verdict.verdict = "drifted"  # also where a policy could not be had: that does not excuse this
        verdict.refuses = True  # it was asked in the script, whatever the policy says of what it asks
    elif verdict.verdict == "compliant":
        verdict.verdict = agreement.outcome


def _agreement(seat, digest):
    # type: (Seat, str) -> Agreement
    try:
        within_s = _within_s()
        listing, unread = listing_here()
        if unread:
            return Agreement("unknown", "what is installed in %s cannot be read" % unread[0])
        me = Member(seat.rank, seat.size, plain(os.uname()[1]), digest_of_listing(listing), digest)
        mark = ".".join([seat.key(), str(seat.rank), str(seat.size), me.listing])
        if os.environ.get(_MET) == mark:
            return Agreement("compliant")
        agreement = _met(seat, me, listing, within_s)
        if agreement.outcome == "compliant":
            os.environ[_MET] = mark
        return agreement
    except MeetingError as error:
        return Agreement("unknown", str(error))


def _met(seat, me, listing, within_s):
    # type: (Seat, Member, str, float) -> Agreement
    from binascii import hexlify

    word = str(hexlify(os.urandom(16)).decode("ascii"))
    folder, hint = os.environ.get("ENVGUARD_RANKS"), ""
    if not folder:
        from envguard.guard.meeting_server import by_server

        agreement, no_server = by_server(seat, me, listing, within_s)
        if agreement is not None:
            return agreement
        hint = NAME_A_FOLDER + ("; the server was not asked: " + no_server if no_server else "")
    from envguard.guard.meeting_folder import FolderPlace

    place = FolderPlace(folder or _own_folder(), seat.key(), word, hint)
    try:
        return meet(place, me, listing, within_s, word)
    finally:
        if seat.rank == 0:
            place.sweep()


def _within_s():
    # type: () -> float
    told = os.environ.get("ENVGUARD_RANKS_TIMEOUT")
    try:
        within_s = float(told) if told else _WITHIN_S
    except ValueError:
        within_s = 0.0
    if not 0 < within_s <= _MOST_S:
        raise MeetingError("ENVGUARD_RANKS_TIMEOUT is no number of seconds: `%s`" % told)
    return within_s


def _own_folder():
    # type: () -> str
    """``.envguard/ranks`` in the working folder, made where it is absent. Raises MeetingError."""
    around = ""
    try:
        around = os.path.join(os.getcwd(), ".envguard")
        for folder in (around, os.path.join(around, "ranks")):
            try:
                os.mkdir(folder)
            except OSError as error:
                if error.errno != 17:
                    raise
            if os.path.islink(folder):
                raise MeetingError("a link, which is not followed: `%s`" % folder)
        path = os.path.join(around, ".gitignore")
        if not os.path.lexists(path):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
            os.write(descriptor, b"*\n")
            os.close(descriptor)
    except OSError as error:
        raise MeetingError("ranks cannot meet in `%s`: %s%s" % (around or ".", error.strerror, NAME_A_FOLDER))
    return os.path.join(around, "ranks")
