"""What one can ask of a server: a method per message of the protocol."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar
from urllib.parse import quote, urlencode

import msgspec
import requests

from envguard.client.answers import Answer, message
from envguard.client.exchange import Timeouts, checked_token, checked_url, exchange
from envguard.client.trust import SYSTEM_TRUST, Trust, new_session
from envguard.domain.environment import Digest, Snapshot
from envguard.domain.policy import PolicySource
from envguard.wire import (
    Checkin,
    CheckinReply,
    EnrolReply,
    EnrolRequest,
    Goodbye,
    PlanReply,
    Policies,
    PolicyRevision,
    PolicyRevisions,
    PushReply,
    RankNames,
    RankNoteReply,
    RankNotes,
    Records,
    RecordsReply,
    RevisionRow,
    RunMessage,
    RunReply,
    Runs,
    TeamReport,
    WaiverDecision,
    WaiverEntry,
    WaiverReply,
    WaiverRequest,
    Waivers,
)
from envguard.wire.lists import (
    EnvironmentRow,
    EnvironmentsPage,
    FindingRow,
    FindingsPage,
    MachineRow,
    MachinesPage,
    PackagePage,
    PackageRow,
)

T = TypeVar("T")
P = TypeVar("P", MachinesPage, EnvironmentsPage, FindingsPage, PackagePage)

_PAGE = 500
"""Rows that one answer has at most."""

_GOODBYE = Timeouts(connect_s=1.0, silence_s=2.0, total_s=3.0)


class _NewToken(msgspec.Struct, frozen=True):
    """``POST tokens``: how long and how often a join string lets machines in."""

    expires_s: int
    uses: int


class _NewTokenReply(msgspec.Struct, frozen=True):
    join: str


def _query(asked: Mapping[str, object | None]) -> str:
    """The part of an address after its path; what is None is not asked."""
    text = urlencode({name: value for name, value in asked.items() if value is not None}, doseq=True)
    return f"?{text}" if text else ""


class ServerClient:
    """Speaks to one server with one token.

    Every method raises RefusedError when the server says no, and TransportError when it cannot be reached
    or answers nonsense.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        trust: Trust = SYSTEM_TRUST,
        session: requests.Session | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        """Raises UsageError where a secret must not be sent to that address, or the token is none."""
        self.url = checked_url(url)
        self._token = None if token is None else checked_token(token, hint="envguard join STRING")
        self._trust = trust
        self._session = session or new_session(self.url, trust)
        self._timeouts = timeouts or Timeouts()

    def enrol(self, request: EnrolRequest) -> EnrolReply:
        """Exchange a join token for the machine's own secret."""
        return self._send("POST", "enroll", EnrolReply, request)

    def checkin(self, checkin: Checkin) -> CheckinReply:
        """Say how things stand; the reply says what the server lacks and when to come back."""
        return self._send("POST", "checkin", CheckinReply, checkin)

    def goodbye(self, said: Goodbye) -> None:
        """Say that this machine's agent ends; it has little time for that."""
        answer = self._ask("POST", "goodbye", said, timeouts=_GOODBYE)
        if answer.status != 204:
            message(answer, object, where=self._address("goodbye"))

    def put_records(self, records: Records) -> tuple[Digest, ...]:
        """Send all records of the machine and answer the snapshots that the server lacks."""
        return self._send("PUT", "environments", RecordsReply, records).missing

    def put_snapshot(self, digest: Digest, snapshot: Snapshot) -> None:
        """Send one snapshot, compressed."""
        body = zlib.compress(msgspec.json.encode(snapshot))
        self._send("PUT", f"snapshots/{quote(digest, safe=':')}", object, body, encoding="deflate")

    def policies(self) -> tuple[PolicyRevision, ...]:
        """Answer the newest revision of each policy."""
        return self._send("GET", "policies", Policies).policies

    def policy(self, name: str, revision: int | None = None) -> PolicyRevision:
        """Answer one revision of a policy; None is the newest."""
        query = "" if revision is None else f"?revision={revision}"
        return self._send("GET", f"policies/{quote(name, safe='')}{query}", PolicyRevision)

    def revisions(self, name: str) -> tuple[RevisionRow, ...]:
        """Answer all revisions of a policy without their files, the newest first."""
        return self._send("GET", f"policies/{quote(name, safe='')}/revisions", PolicyRevisions).revisions

    def push(self, source: PolicySource) -> PushReply:
        """Make these files the policy's next revision."""
        return self._send("POST", "policies", PushReply, source)

    def plan(self, source: PolicySource) -> PlanReply:
        """Answer what a push of these files would do; nothing is kept of it."""
        return self._send("POST", "policies/plan", PlanReply, source)

    def team(self, policy: str | None = None, *, since: datetime | None = None) -> TeamReport:
        """Answer how the team stands; with a policy, only the environments that it governs.

        ``since`` is when the reader's day began, aware; without it the server takes its own, in UTC.
        """
        asked = {"policy": policy, "since": since.isoformat() if since is not None else None}
        return self._send("GET", f"team{_query(asked)}", TeamReport)

    def machine_rows(self, *, machine: str) -> Iterator[MachineRow]:
        """Yield how the machine of this name stands; nothing where there is none."""
        for page in self._pages("team/machines", MachinesPage, {"machine": machine}):
            yield from page.rows

    def environment_rows(self, *, machine: str) -> Iterator[EnvironmentRow]:
        """Yield the environments of a machine."""
        for page in self._pages("team/environments", EnvironmentsPage, {"machine": machine}):
            yield from page.rows

    def finding_rows(self, *, machine: str) -> Iterator[FindingRow]:
        """Yield in what the environments of a machine differ from their policies."""
        for page in self._pages("team/findings", FindingsPage, {"machine": machine}):
            yield from page.rows

    def package_rows(
        self, package: str, *, version: str | None = None, labels: Sequence[str] = ()
    ) -> Iterator[PackageRow]:
        """Yield the environments that have a package; ``version`` is a specifier."""
        path, asked = f"team/packages/{quote(package, safe='')}", {"version": version, "label": labels}
        for page in self._pages(path, PackagePage, asked):
            yield from page.rows

    def tell_run(self, told: RunMessage) -> tuple[Digest, ...]:
        """Tell of a run, and answer the snapshots that the server lacks."""
        return self._send("POST", "receipts", RunReply, told).missing

    def runs(
        self,
        *,
        with_: str | None = None,
        person: str | None = None,
        before: str | None = None,
        limit: int | None = None,
    ) -> Runs:
        """Answer the newest runs; ``with_`` is a requirement, ``before`` the ``next`` of another answer."""
        asked = {"with": with_, "person": person, "before": before, "limit": limit}
        return self._send("GET", f"receipts{_query(asked)}", Runs)

    def waive(self, request: WaiverRequest) -> WaiverEntry:
        """Ask for a permission to differ; of a lead it is granted at once."""
        return self._send("POST", "waivers", WaiverReply, request).waiver

    def waivers(self, policy: str | None = None, *, is_all: bool = False) -> Waivers:
        """Answer the waivers that are asked for or in force; all of them also those that are over."""
        asked = {**({} if policy is None else {"policy": policy}), **({"all": "1"} if is_all else {})}
        return self._send("GET", f"waivers?{urlencode(asked)}", Waivers)

    def decide_waiver(self, number: int, decision: str, reason: str | None = None) -> WaiverEntry:
        """Approve, refuse or end a waiver; for leads."""
        path = f"waivers/{number}/{quote(decision, safe='')}"
        return self._send("POST", path, WaiverReply, WaiverDecision(reason)).waiver

    def write_rank_notes(self, meeting: str, notes: RankNotes) -> None:
        """Keep notes of a meeting of a job's ranks, and drop others."""
        self._send("POST", f"ranks/{quote(meeting, safe='')}", object, notes)

    def rank_names(self, meeting: str) -> tuple[str, ...]:
        """Answer the names of a meeting's notes."""
        return self._send("GET", f"ranks/{quote(meeting, safe='')}", RankNames).names

    def rank_note(self, meeting: str, name: str) -> str | None:
        """Answer what a note of a meeting says; None where there is none."""
        path = f"ranks/{quote(meeting, safe='')}/{quote(name, safe='')}"
        return self._send("GET", path, RankNoteReply).text

    def new_token(self, *, expires_s: int, uses: int) -> str:
        """Answer a fresh join string; for admins."""
        return self._send("POST", "tokens", _NewTokenReply, _NewToken(expires_s, uses)).join

    def health(self) -> datetime | None:
        """Answer the server's clock, if it answers as an envguard server does; None where it tells none."""
        answer = self._ask("GET", "/healthz")
        message(answer, object, where=self._address("/healthz"))
        try:
            return parsedate_to_datetime(answer.headers.get("date", ""))
        except (TypeError, ValueError):
            return None

    def _pages(self, path: str, kind: type[P], asked: Mapping[str, object | None]) -> Iterator[P]:
        cursor: str | None = None
        while True:
            page = self._send("GET", f"{path}{_query({**asked, 'limit': _PAGE, 'cursor': cursor})}", kind)
            yield page
            cursor = page.next
            if cursor is None:
                return

    def _send(
        self,
        method: str,
        path: str,
        type_: type[T],
        body: msgspec.Struct | bytes | None = None,
        *,
        encoding: str | None = None,
    ) -> T:
        answer = self._ask(method, path, body, encoding=encoding)
        if type_ is object and answer.status == 204:  # nothing was asked for but the success
            answer = msgspec.structs.replace(answer, body=b"null")
        return message(answer, type_, where=self._address(path))

    def _ask(
        self,
        method: str,
        path: str,
        body: msgspec.Struct | bytes | None = None,
        *,
        encoding: str | None = None,
        timeouts: Timeouts | None = None,
    ) -> Answer:
        content = msgspec.json.encode(body) if isinstance(body, msgspec.Struct) else body
        headers = self._headers(has_body=content is not None, encoding=encoding)
        return exchange(
            self._session,
            method,
            self._address(path),
            body=content,
            headers=headers,
            timeouts=timeouts or self._timeouts,
            trust=self._trust,
        )

    def _address(self, path: str) -> str:
        return self.url + path if path.startswith("/") else f"{self.url}/api/v1/{path}"

    def _headers(self, *, has_body: bool, encoding: str | None) -> dict[str, str]:
        headers = {"Accept": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        if has_body:
            headers["Content-Type"] = "application/json"
        if encoding is not None:
            headers["Content-Encoding"] = encoding
        return headers
