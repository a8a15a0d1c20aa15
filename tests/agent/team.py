"""A machine that joined a team, whose server is played."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import unquote

import msgspec

from envguard.agent import join
from envguard.domain.environment import digest_of_text
from envguard.domain.policy import PolicySource, Waiver
from envguard.state import State, open_state
from envguard.wire import (
    Checkin,
    CheckinReply,
    EnrolReply,
    Goodbye,
    JoinString,
    Policies,
    PolicyRevision,
    Records,
    RecordsReply,
    RunMessage,
    RunReply,
    waivers_digest,
    write_join,
)
from tests.client.fake_server import Asked, FakeServer, Told, serving

POLICY = 'envguard: 1\nname: rl-team\npackages:\n  gym: "==0.25.2"\napplies-to:\n  - environments: ["*"]\n'


class Team:
    """Answers as a server does that has one policy and lacks everything."""

    def __init__(self) -> None:
        self.is_away = False
        self.next_in_s = 1.0
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.checkins: list[Checkin] = []
        self.records: list[Records] = []
        self.waivers: tuple[Waiver, ...] = ()
        self.runs: list[RunMessage] = []
        self.run_refusal: tuple[int, bytes] | None = None
        self.snapshots: list[str] = []
        self.goodbyes: list[Goodbye] = []

    def answer(self, asked: Asked) -> Told:
        self.may_answer.wait(60)
        place = asked.path.removeprefix("/api/v1/")
        if self.is_away:
            return Told(status=503, body=b'{"error": "away"}')
        if place == "enroll":
            return Told(body=msgspec.json.encode(EnrolReply("secret", self.next_in_s)))
        if place == "checkin":
            checkin = msgspec.json.decode(asked.body, type=Checkin)
            self.checkins.append(checkin)
            is_changed = checkin.policies != {"rl-team": 1} or checkin.waivers != waivers_digest(self.waivers)
            reply = CheckinReply(wants_records=True, policies_changed=is_changed, next_in_s=self.next_in_s)
            return Told(body=msgspec.json.encode(reply))
        if place == "environments":
            self.records.append(msgspec.json.decode(asked.body, type=Records))
            missing = tuple(each.digest for each in self.records[-1].records)
            return Told(body=msgspec.json.encode(RecordsReply(missing)))
        if place == "policies":
            revision = msgspec.structs.replace(a_revision(), waivers=self.waivers)
            return Told(body=msgspec.json.encode(Policies((revision,))))
        if place == "goodbye":
            self.goodbyes.append(msgspec.json.decode(asked.body, type=Goodbye))
        if place == "receipts":
            return self._told_of_run(asked)
        if place.startswith("snapshots/"):
            self.snapshots.append(unquote(place.removeprefix("snapshots/")))
        return Told(status=204, body=b"")

    def _told_of_run(self, asked: Asked) -> Told:
        if self.run_refusal is not None:
            status, body = self.run_refusal
            return Told(status=status, body=body)
        self.runs.append(msgspec.json.decode(asked.body, type=RunMessage))
        digest = self.runs[-1].run.digest
        return Told(body=msgspec.json.encode(RunReply((digest,) if digest is not None else ())))


def a_revision() -> PolicyRevision:
    return PolicyRevision(
        name="rl-team",
        revision=1,
        lock_revision=None,
        digest=digest_of_text(POLICY),
        pushed_at=datetime(2025, 1, 1, tzinfo=timezone.utc),
        source=PolicySource(filename="rl-team.yaml", text=POLICY),
    )


@contextmanager
def joined(
    tmp_path: Path, *, interval_s: float = 1.0, roots: Path | None = None
) -> Iterator[tuple[State, Team, FakeServer]]:
    """The machine's state, its team, and the server; ``interval_s`` is what the server tells it."""
    team = Team()
    team.next_in_s = interval_s
    state = open_state(tmp_path / "state")
    with serving(team.answer) as server:
        text = write_join(JoinString(server.url, "token"))
        join(text, state=state, name="ws-7", roots=[roots or tmp_path / "roots"])
        yield state, team, server
