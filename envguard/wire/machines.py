"""How a machine joins, and what it tells: enrolment, check-in, records."""

from __future__ import annotations

import base64
import binascii

import msgspec

from envguard.domain.environment import Digest, EnvironmentRecord, digest_of
from envguard.domain.facts import MachineFacts
from envguard.errors import UsageError

PROTOCOL = 1
"""Refused by a server that does not speak it."""


BODY_LIMIT_BYTES = 8 * 1024 * 1024
"""No message is larger, compressed or not."""


_JOIN_PREFIX = "envguard-join-1."


class JoinString(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that a machine needs to find its server, to know it, and be let in."""

    url: str
    token: str
    authority: str | None = None
    """The fingerprint of the certificate that signs the server's; None: one that is trusted anyhow."""


class EnrolRequest(msgspec.Struct, frozen=True, kw_only=True):
    """``POST enroll``: a join token for a machine's own secret."""

    token: str
    machine: str
    """The id that the agent made itself."""
    name: str
    labels: dict[str, str] = {}


class EnrolReply(msgspec.Struct, frozen=True):
    """The secret that the machine authenticates with from now on (``Authorization: Bearer``)."""

    secret: str
    interval_s: float


class Checkin(msgspec.Struct, frozen=True, kw_only=True):
    """``POST checkin``: how things stand, in a few hundred bytes."""

    protocol: int
    epoch: str
    """Made anew at each start of an agent's state; with ``seq`` it orders what a machine says."""
    seq: int
    records: Digest
    """One hash over all environment records and the facts: :func:`records_digest`."""
    policies: dict[str, int]
    """The revision of each policy that the agent holds."""
    version: str
    is_incomplete: bool = False
    """The look ended before everything was seen: what was not seen is not known."""
    waivers: Digest | None = None
    """One hash over the granted waivers that the agent holds: :func:`waivers_digest`; None of an agent that
    knows of none."""
    speaker: str | None = None
    """Which copy of the machine's state speaks: the same until the next boot, another on every copy; None of
    an agent that does not say."""
    host: str | None = None
    """What the agent's host calls itself, to name a copy by."""


class Goodbye(msgspec.Struct, frozen=True):
    """``POST goodbye``: the machine's agent ends, and will be silent for a while."""

    epoch: str
    seq: int
    """In the order of its check-ins."""


class CheckinReply(msgspec.Struct, frozen=True, kw_only=True):
    """What the server lacks, what the agent lacks, and when to come back."""

    wants_records: bool
    policies_changed: bool
    """``GET policies`` would bring something new."""
    next_in_s: float


class Records(msgspec.Struct, frozen=True, kw_only=True):
    """``PUT environments``: every record of the machine; those that are absent here are gone."""

    records: tuple[EnvironmentRecord, ...]
    facts: MachineFacts
    is_incomplete: bool = False
    """As in :class:`Checkin`; those that are absent then stay."""


class RecordsReply(msgspec.Struct, frozen=True):
    """The snapshots to ``PUT snapshots/{digest}`` next."""

    missing: tuple[Digest, ...]


def records_digest(records: Records) -> Digest:
    """Answer the one hash over all records of a machine and its facts, whatever their order."""
    ordered = tuple(sorted(records.records, key=lambda record: record.path))
    return digest_of(msgspec.structs.replace(records, records=ordered))


def write_join(join: JoinString) -> str:
    """Answer the one string that ``envguard join`` takes."""
    return _JOIN_PREFIX + base64.urlsafe_b64encode(msgspec.json.encode(join)).decode().rstrip("=")


def read_join(text: str) -> JoinString:
    """Read a join string; raises UsageError where it is none or was cut off."""
    body = text.strip().removeprefix(_JOIN_PREFIX)
    try:
        if not text.strip().startswith(_JOIN_PREFIX):
            raise binascii.Error
        return msgspec.json.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)), type=JoinString)
    except (binascii.Error, msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise UsageError(
            "not a join string, or only a part of one",
            where="join",
            hint="paste the whole string that `envguard server` or `envguard token new` printed",
        ) from error
