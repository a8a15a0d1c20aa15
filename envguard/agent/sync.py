"""One round: look, judge, tell the server, take what it has, judge again.

Rules
1. Judging comes before telling: a server that is away takes nothing from the machine's own answers.
2. A failure on the way to the server is kept as words in the status and raised at the end of the round.
3. What a failed round did not send is sent by a later one: the server says what it lacks.
4. Receipts of runs come last, and so many at a time: where they cannot be sent, the round went well.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from pathlib import Path

import msgspec

from envguard import __version__
from envguard.agent.hangs import remember_hang
from envguard.agent.scanner import ScanHungError, scan_in_child
from envguard.client import ServerClient, machine_client
from envguard.client.sending import send_to_server
from envguard.domain.binding import BoundScan
from envguard.domain.environment import Scan, digest_of_text
from envguard.domain.verdict import Match, Verdict, next_match
from envguard.errors import EnvguardError, InventoryError, StateError, TransportError, UsageError
from envguard.inventory import machine_facts
from envguard.inventory.freshness import boot_id
from envguard.log import get_log
from envguard.runs.comparing import Comparisons
from envguard.runs.held import kept_of, parse_kept
from envguard.runs.judging import Policies, Ruled, judge_bound
from envguard.state import Identity, KeptPolicy, LastStatus, State
from envguard.state.outbox import all_outboxes
from envguard.state.told import ToldTeam
from envguard.wire import PROTOCOL, Checkin, Goodbye, PolicyRevision, Records, records_digest, waivers_digest

RECEIPTS_AT_ONCE = 100
"""Receipts that one round sends at most."""

Publish = Callable[["Seen", tuple[Ruled, ...], ToldTeam, float], None]
"""Tells this machine what was judged, and by what; the number is the interval of the rounds in seconds."""

Scanner = Callable[[Path, tuple[str, ...], Callable[[], None]], BoundScan]
"""Answers what lies below the roots, by a state directory; calls the last argument all the while."""

_log = get_log(__name__)


class Seen(msgspec.Struct, frozen=True):
    """What a look at the machine brought, ready to judge and to send."""

    bound: BoundScan
    error: str | None = None
    """Why the look is not whole."""

    @property
    def records(self) -> Records:
        """What the server is told."""
        records = tuple(each.record for each in self.scan.environments)
        return Records(records=records, facts=self.scan.facts, is_incomplete=self.scan.is_incomplete)

    @property
    def scan(self) -> Scan:
        """The look itself."""
        return self.bound.scan


def scan_apart(state: Path, roots: tuple[str, ...], beat: Callable[[], None]) -> BoundScan:
    """Answer what a child process finds below the roots."""
    return scan_in_child(state, roots, beat=beat)


def speaker_of(state: Path) -> str | None:
    """Answer what tells this agent from one on a copy of its state; None where the system names no boot.

    Not the host's name, which changes under way: the running system, and the folder's place in it.
    """
    boot = boot_id()
    if not boot:
        return None
    folder = state.stat()
    return digest_of_text(f"{boot} {folder.st_dev} {folder.st_ino}").removeprefix("sha256:")[:32]


def utc_now() -> datetime:
    """Answer the agent's clock."""
    return datetime.now(timezone.utc)


def look(
    state: State,
    roots: tuple[str, ...],
    *,
    scan: Scanner = scan_apart,
    beat: Callable[[], None] = lambda: None,
    now: Callable[[], datetime] = utc_now,
) -> Seen:
    """Answer the machine as it is; where the scan fails, as it was last seen, marked as not whole."""
    try:
        found = scan(state.path, roots, beat)
    except InventoryError as failure:
        _log.warning("scan_failed", reason=str(failure))
        if isinstance(failure, ScanHungError) and failure.place is not None:
            remember_hang(state, failure.place, now=now())
        return Seen(_last_scan(state), str(failure))
    state.keep_scan(found)
    return Seen(found)


class Round:
    """The rounds of one joined machine."""

    def __init__(
        self,
        state: State,
        *,
        scan: Scanner = scan_apart,
        connect: Callable[[Identity, str], ServerClient] | None = None,
        beat: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = utc_now,
        new_epoch: Callable[[], str] = lambda: uuid.uuid4().hex,
        publish: Publish = lambda _seen, _ruled, _team, _interval_s: None,
    ) -> None:
        """Raises UsageError where the machine has not joined."""
        self._state = state
        self._scan = scan
        self._beat = beat
        self._now = now
        self._new_epoch = new_epoch
        self._publish = publish
        self.identity, secret = joined(state)
        self._client = connect(self.identity, secret) if connect else machine_client(state, secret)
        self._kept = _kept_policies(state)
        self._parsed = parse_kept(self._kept)
        self._comparisons = Comparisons()
        self._interval_s = self.identity.interval_s

    def look_and_judge(self) -> Seen:
        """Scan, judge by the policies that are there, and keep both."""
        seen = look(self._state, self.identity.roots, scan=self._scan, beat=self._beat, now=self._now)
        status = _last_status(self._state)
        changed = msgspec.structs.replace(
            status,
            scanned_at=status.scanned_at if seen.error else self._now(),
            is_incomplete=seen.scan.is_incomplete,
            verdicts=self._judge(seen),
        )
        self._state.keep_status(changed)
        return seen

    def tell(self, seen: Seen) -> float:
        """Bring server and machine to one state and answer in how many seconds to come back.

        Raises TransportError when that failed; the status then says so.
        """
        try:
            next_in_s = self._exchange(seen)
        except TransportError as error:
            self._keep(error=": ".join(filter(None, [str(error), error.hint])))
            raise
        self._interval_s = next_in_s
        self._keep(error=seen.error, contacted_at=self._now(), verdicts=self._judge(seen))
        return next_in_s

    def say_goodbye(self) -> None:
        """Tell the server that this agent ends; whatever hinders that is logged, and no more."""
        try:
            sequence = self._state.next_sequence(self._new_epoch)
            self._client.goodbye(Goodbye(sequence.epoch, sequence.seq))
        except EnvguardError as error:
            _log.info("goodbye_not_said", reason=str(error))

    def _exchange(self, seen: Seen) -> float:
        records = seen.records
        sequence = self._state.next_sequence(self._new_epoch)
        reply = self._client.checkin(
            Checkin(
                protocol=PROTOCOL,
                epoch=sequence.epoch,
                seq=sequence.seq,
                records=records_digest(records),
                policies={name: each.revision for name, each in self._kept.items()},
                version=__version__,
                waivers=waivers_digest(waiver for each in self._kept.values() for waiver in each.waivers),
                is_incomplete=records.is_incomplete,
                speaker=speaker_of(self._state.path),
                host=os.uname().nodename,
            )
        )
        sent = self._send(seen) if reply.wants_records else 0
        if reply.policies_changed:
            self._take(self._client.policies())
        _log.info("checkin_accepted", seq=sequence.seq, snapshots_sent=sent, next_in_s=reply.next_in_s)
        self._send_receipts()
        return reply.next_in_s

    def _send(self, seen: Seen) -> int:
        """Send all records and the snapshots that the server lacks; answer how many of those."""
        self._beat()
        missing = set(self._client.put_records(seen.records))
        lacking = {each.record.digest: each.snapshot for each in seen.scan.environments}
        for digest in sorted(missing & lacking.keys()):
            self._beat()
            self._client.put_snapshot(digest, lacking[digest])
        return len(missing & lacking.keys())

    def _send_receipts(self) -> None:
        left = RECEIPTS_AT_ONCE

        def is_enough() -> bool:
            nonlocal left
            self._beat()
            left -= 1
            return left < 0

        outboxes = all_outboxes(self._state.path)
        try:
            sent = send_to_server(self._client, outboxes, host=os.uname().nodename, is_over=is_enough)
        except TransportError as error:
            _log.warning("receipts_not_sent", reason=str(error))
            return
        if sent:
            _log.info("receipts_sent", count=sent)

    def _take(self, policies: tuple[PolicyRevision, ...]) -> None:
        self._kept = {each.name: kept_of(each, self._now()) for each in policies}
        self._parsed = parse_kept(self._kept)
        self._state.keep_policies(self._kept)
        _log.info("policies_changed", count=len(policies))

    def _judge(self, seen: Seen) -> tuple[Verdict, ...]:
        policies = Policies(self._parsed, seen.bound.of_projects)
        matches, now = self._state.matches(), self._now()
        ruled = judge_bound(
            seen.scan.environments,
            seen.scan.facts,
            self.identity.as_machine(),
            policies,
            now,
            comparisons=self._comparisons,
            matches=matches,
        )
        self._remember(ruled, matches, now)
        team = ToldTeam(machine=self.identity.as_machine(), policies=self._kept)
        self._publish(seen, ruled, team, self._interval_s)
        return tuple(each.verdict for each in ruled)

    def _remember(self, ruled: Iterable[Ruled], matches: Mapping[str, Match], now: datetime) -> None:
        """Keep what each environment matched, so that drift can say what moved; what is gone is forgotten."""
        kept: dict[str, Match] = {}
        for each in ruled:
            path = each.verdict.environment
            match = next_match(matches.get(path), each.verdict, each.basis, now)
            if match is not None:
                kept[path] = match
        if kept != matches:
            self._state.keep_matches(kept)

    def _keep(
        self,
        *,
        error: str | None,
        contacted_at: datetime | None = None,
        verdicts: tuple[Verdict, ...] | None = None,
    ) -> None:
        status = _last_status(self._state)
        changed = msgspec.structs.replace(
            status,
            error=error,
            contacted_at=contacted_at or status.contacted_at,
            verdicts=status.verdicts if verdicts is None else verdicts,
        )
        self._state.keep_status(changed)


def joined(state: State) -> tuple[Identity, str]:
    """Answer who this machine is, with its secret; UsageError before it joined."""
    identity, secret = state.identity(), state.secret()
    if identity is None or secret is None:
        raise UsageError(
            "this machine has not joined a server",
            where=str(state.path),
            hint="envguard join STRING; `envguard server` or `envguard token new` prints the string",
        )
    return identity, secret


def _kept_policies(state: State) -> dict[str, KeptPolicy]:
    """Answer the kept policies; none where they are broken, so that the server sends them again."""
    try:
        return state.policies()
    except StateError as error:
        _log.warning("kept_policies_broken", reason=str(error))
        return {}


def _last_status(state: State) -> LastStatus:
    """Answer the last status, or an empty one where it is broken: it is about to be replaced."""
    try:
        return state.last_status()
    except StateError as error:
        _log.warning("kept_status_broken", reason=str(error))
        return LastStatus()


def _last_scan(state: State) -> BoundScan:
    try:
        last = state.last_scan()
    except StateError as error:
        _log.warning("kept_scan_broken", reason=str(error))
        last = None
    if last is None:
        return BoundScan(Scan(machine_facts(), (), is_incomplete=True))
    return msgspec.structs.replace(last, scan=msgspec.structs.replace(last.scan, is_incomplete=True))
