"""Check-ins, many in one transaction, each answered as if it had come alone.

Rules
1. What a batch answers, and leaves in the store, is what its check-ins would one by one, in their order.
2. A check-in is late, and refused, where its machine has said something later: a higher number in the same
   epoch, or anything in an epoch after it. One that comes again is answered again.
3. Of two that speak as one machine neither is heard: :mod:`envguard.server.speaking`.
4. Who asks is looked up in the transaction itself: a secret that was revoked before it opens nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
import sqlalchemy as sa

from envguard.domain.environment import Digest
from envguard.log import get_log
from envguard.server.auth import not_a_machine, unknown_secret
from envguard.server.refusals import RefusalError
from envguard.server.service import Service
from envguard.server.speaking import (
    SILENT_INTERVALS,
    Speaker,
    Speakers,
    decode_speakers,
    encode_speakers,
    hear,
)
from envguard.server.store.access import people_among
from envguard.server.store.checkins import (
    Standing,
    epochs_before,
    lacking_snapshots,
    record_standings,
    standings,
)
from envguard.server.store.policies import newest_revisions
from envguard.server.store.waivers import waivers_for
from envguard.server.tokens import SecretDigest
from envguard.wire import Checkin, CheckinReply, waivers_digest

_log = get_log(__name__)


class Asked(msgspec.Struct, frozen=True):
    """A check-in, the secret that it came with, and from where."""

    secret: SecretDigest
    said: Checkin
    address: str = "unknown"


class Answered(msgspec.Struct, frozen=True):
    """What a check-in is answered, and which machine asked; None where none did."""

    machine: str | None
    answer: CheckinReply | RefusalError


def answer_all(service: Service, batch: Sequence[Asked]) -> list[Answered]:
    """Answer each check-in, in their order, once all of them are on disk; raises as the database does."""
    now_s = service.clock()
    with service.database.writing() as connection:
        known = standings(connection, {each.secret for each in batch})
        turn = _Turn(connection, known, batch, now_s, SILENT_INTERVALS * service.interval_s)
        heard = [turn.hear(each) for each in batch]
        record_standings(connection, turn.changed(), turn.left)
        machines = {each.machine for each in heard if isinstance(each, Standing)}
        lacking = lacking_snapshots(connection, machines) if machines else set()
        held = _Held(connection, now_s, machines)
    return [
        Answered(
            machine=known[each.secret].machine if each.secret in known else None,
            answer=outcome
            if isinstance(outcome, RefusalError)
            else _reply(service, each.said, outcome, lacking, held),
        )
        for each, outcome in zip(batch, heard, strict=True)
    ]


class _Turn:
    """The machines of one batch, as they stand after what was heard of it so far."""

    def __init__(
        self,
        connection: sa.Connection,
        known: dict[SecretDigest, Standing],
        batch: Sequence[Asked],
        now_s: float,
        gone_after_s: float,
    ) -> None:
        self._now_s = now_s
        self._gone_after_s = gone_after_s
        self._now = dict(known)
        self.left: dict[str, list[str]] = {}
        """The epochs that machines left in this batch."""
        self._past = epochs_before(connection, _between_epochs(known, batch))
        self._people = people_among(connection, {each.secret for each in batch} - known.keys())
        self._heard: set[SecretDigest] = set()

    def hear(self, asked: Asked) -> Standing | RefusalError:
        """Answer how the machine stands after this check-in, or why that is refused."""
        before = self._now.get(asked.secret)
        if before is None:
            return not_a_machine() if asked.secret in self._people else unknown_secret()
        speakers = None if before.speakers is None else decode_speakers(before.speakers)
        is_late = self._is_late(before, asked.said, speakers)
        heard = speakers if asked.said.speaker is None else self._speakers(asked, speakers, is_late=is_late)
        was_two = speakers is not None and speakers.are_two
        if heard is not None and heard.are_two:
            self._keep_speakers(before, heard)
            return _two(before, heard)
        if is_late and not was_two:
            if heard != speakers:
                self._keep_speakers(before, heard)
            return _late(before, asked.said)
        return self._accept(before, asked, heard)

    def _accept(self, before: Standing, asked: Asked, heard: Speakers | None) -> Standing:
        if before.epoch is not None and before.epoch != asked.said.epoch:
            self._past[before.machine].add(before.epoch)
            self.left.setdefault(before.machine, []).append(before.epoch)
        after = self._now[asked.secret] = _after(before, asked.said, heard, self._now_s)
        self._heard.add(asked.secret)
        return after

    def changed(self) -> list[Standing]:
        """Answer the machines of which something was heard, in their order."""
        return sorted((self._now[each] for each in self._heard), key=lambda each: each.machine)

    def _keep_speakers(self, before: Standing, heard: Speakers | None) -> None:
        text = None if heard is None else encode_speakers(heard)
        self._now[before.secret] = msgspec.structs.replace(before, speakers=text)
        self._heard.add(before.secret)

    def _speakers(self, asked: Asked, before: Speakers | None, *, is_late: bool) -> Speakers | None:
        said = asked.said
        speaker = Speaker(said.speaker or "", said.host or "unnamed", asked.address, said.seq, self._now_s)
        return hear(before, speaker, is_late=is_late, gone_after_s=self._gone_after_s)

    def _is_late(self, before: Standing, said: Checkin, speakers: Speakers | None) -> bool:
        if before.epoch == said.epoch:
            # A number is never used twice: said again by somebody else, it is not the same message.
            is_others = speakers is not None and said.speaker not in (None, speakers.last.key)
            return before.seq is not None and said.seq < before.seq + is_others
        return said.epoch in self._past.get(before.machine, ())


def _between_epochs(known: Mapping[SecretDigest, Standing], batch: Iterable[Asked]) -> set[str]:
    """Answer the machines that say, or have said, something in another epoch than the rest."""
    epochs = {secret: standing.epoch for secret, standing in known.items()}
    moved = set()
    for each in batch:
        if each.secret in known and epochs[each.secret] != each.said.epoch:
            if epochs[each.secret] is not None:
                moved.add(known[each.secret].machine)
            epochs[each.secret] = each.said.epoch
    return moved


class _Held:
    """What the agents of a batch should hold of policies and waivers."""

    def __init__(self, connection: sa.Connection, now_s: float, machines: set[str]) -> None:
        self.revisions = newest_revisions(connection)
        self._granted = waivers_for(connection, now_s, machines)
        self._digests: dict[str | None, Digest] = {}

    def waivers(self, machine: str) -> Digest:
        """Answer the one hash over the waivers that concern a machine."""
        own = self._granted.get(machine, ())
        key = machine if own else None
        if key not in self._digests:
            self._digests[key] = waivers_digest((*self._granted.get(None, ()), *own))
        return self._digests[key]


def _after(before: Standing, said: Checkin, heard: Speakers | None, now_s: float) -> Standing:
    """Answer how a machine stands; a whole look mends one that was cut off once its records are here."""
    is_cut_off = said.is_incomplete or (before.is_incomplete and before.records != said.records)
    return Standing(
        before.machine,
        before.secret,
        said.epoch,
        said.seq,
        said.version,
        before.records,
        said.records,
        is_cut_off,
        now_s,
        None if heard is None else encode_speakers(heard),
    )


def _late(before: Standing, said: Checkin) -> RefusalError:
    _log.warning("checkin_out_of_order", machine=before.machine, epoch=said.epoch, seq=said.seq)
    return RefusalError(
        409,
        "this machine has said something later: the message is late, or two machines are one",
        "a copied machine has to join again: envguard join STRING --name NAME",
    )


def _two(before: Standing, speakers: Speakers) -> RefusalError:
    _log.warning("machine_was_copied", machine=before.machine, speakers=speakers.names)
    return RefusalError(
        409,
        f"two machines speak as one, and neither is heard: {speakers.names}",
        "on the copy, remove the agent's state folder, then: envguard join STRING --name NAME",
    )


def _reply(
    service: Service, said: Checkin, standing: Standing, lacking: set[str], held: _Held
) -> CheckinReply:
    is_moved = said.waivers is not None and said.waivers != held.waivers(standing.machine)
    return CheckinReply(
        wants_records=standing.records != said.records or standing.machine in lacking,
        policies_changed=is_moved or held.revisions != said.policies,
        next_in_s=service.interval_s,
    )
