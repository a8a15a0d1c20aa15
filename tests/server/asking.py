"""Asks an ASGI application in this process, as a client would over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
from starlette.types import ASGIApp

from envguard.domain.environment import (
    EnvironmentRecord,
    Interpreter,
    Package,
    Problem,
    ProblemDetail,
    Project,
    Snapshot,
    digest_of,
    snapshot_of,
)
from envguard.domain.facts import MachineFacts
from envguard.domain.policy import PolicySource
from envguard.server.app import make_app
from envguard.server.joining import new_join
from envguard.server.judging import begin_judging, judge_at_once, policy_moved
from envguard.server.service import Service
from envguard.server.state import admin_token_file, open_database
from envguard.server.store.policies import add_revision
from envguard.wire import Checkin, EnrolReply, Records, Refusal, TeamReport, read_join, records_digest
from tests.server import described

FACTS = MachineFacts(os="Debian GNU/Linux 12", kernel="6.1.0")
POLICY = """\
envguard: 1
name: rl-team
applies-to:
  - environments: ["*"]
packages:
  gym: "==0.26.2"
"""
ROUTES = [
    ("POST", "/enroll"),
    ("POST", "/checkin"),
    ("PUT", "/environments"),
    ("PUT", "/snapshots/sha256:" + "0" * 64),
    ("POST", "/policies"),
    ("POST", "/tokens"),
    ("POST", "/waivers"),
    ("POST", "/waivers/1/approve"),
    ("POST", "/policies/plan"),
    ("POST", "/ranks/" + "0" * 32),
    ("POST", "/receipts"),
    ("POST", "/goodbye"),
]
"""All that take a message."""


class Answer(msgspec.Struct, frozen=True):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return msgspec.json.decode(self.body)


def ask(
    app: ASGIApp,
    method: str,
    url: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    may_raise: bool = False,
) -> Answer:
    """Answer one request; an exception that nobody expected is the test's failure unless it may come."""
    return asyncio.run(answer(app, method, url, body, headers, may_raise=may_raise))


async def answer(
    app: ASGIApp,
    method: str,
    url: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    may_raise: bool = False,
) -> Answer:
    """Answer one request of several in one loop, as :func:`ask` does one alone."""
    parts = urlsplit(url)
    sent: list[MutableMapping[str, Any]] = []
    waiting: list[MutableMapping[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(parts.path),
        "raw_path": parts.path.encode(),
        "root_path": "",
        "query_string": parts.query.encode(),
        "headers": [(key.lower().encode(), value.encode()) for key, value in (headers or {}).items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8750),
    }

    async def receive() -> MutableMapping[str, Any]:
        if waiting:
            return waiting.pop()
        return await asyncio.Future()  # the client waits for the answer

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    with contextlib.suppress(Exception) if may_raise else contextlib.nullcontext():
        await app(scope, receive, send)
    answered = {key.decode(): value.decode() for key, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], answered, b"".join(each.get("body", b"") for each in sent[1:]))


class Server:
    """A service with its application, a clock that tests turn, and the admin's token."""

    def __init__(self, state: Path, *, database: str | None = None, now_s: float = 1_790_000_000.0) -> None:
        self.state = state
        self.now_s = now_s
        self.url = database
        self.database = open_database(state, database)
        self.service = Service(
            database=self.database, clock=lambda: self.now_s, url="http://127.0.0.1:8750", interval_s=60.0
        )
        begin_judging(self.service)
        self.app = make_app(self.service)
        self.admin = admin_token_file(state, self.database, now_s).read_text().strip()

    def ask(
        self, method: str, path: str, message: object = b"", *, token: str | None = None, **headers: str
    ) -> Answer:
        body = message if isinstance(message, bytes) else msgspec.json.encode(message)
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        if token is not None:
            named["authorization"] = f"Bearer {token}"
        if path.startswith("//"):
            return ask(self.app, method, path.replace("//", "/", 1), body, named)
        answer = ask(self.app, method, f"/api/v1{path}", body, named)
        kind = answer.headers.get("content-type", "")
        described.hold(method, path.partition("?")[0], answer.status, kind, answer.body)
        return answer

    def again(self) -> Server:
        """Start once more on the same state and database."""
        self.database.close()
        return Server(self.state, database=self.url, now_s=self.now_s)

    def keep_policy(self, name: str, text: str) -> None:
        """Put a policy into the store as another version of the server might have."""
        source = PolicySource(filename=f"{name}.yaml", text=text)
        with self.database.writing_alone() as connection:
            add_revision(connection, name, source, self.now_s, by="ann")
            policy_moved(connection, name, self.service.now())
        judge_at_once(self.service)

    def join_token(self) -> str:
        return read_join(new_join(self.service)).token

    def enrol(self, name: str, *, join: str | None = None, **labels: str) -> str:
        """Answer the machine's secret; by a fresh join string where none is named."""
        token = self.join_token() if join is None else read_join(join).token
        message = {"token": token, "machine": f"id-{name}", "name": name, "labels": labels}
        answer = self.ask("POST", "/enroll", message)
        assert answer.status == 200, answer
        return msgspec.json.decode(answer.body, type=EnrolReply).secret

    def push(
        self, text: str = POLICY, *, lock_filename: str | None = None, lock_text: str | None = None
    ) -> Answer:
        source = PolicySource(
            filename="rl-team.yaml", text=text, lock_filename=lock_filename, lock_text=lock_text
        )
        return self.ask("POST", "/policies", source, token=self.admin)

    def report(self, secret: str, records: Records, *snapshots: Snapshot) -> None:
        """Send all that a machine has."""
        assert self.ask("PUT", "/environments", records, token=secret).status == 200
        for snapshot in snapshots:
            assert self.put_snapshot(secret, snapshot).status == 204

    def put_snapshot(self, secret: str, snapshot: Snapshot) -> Answer:
        body = zlib.compress(msgspec.json.encode(snapshot))
        path = f"/snapshots/{digest_of(snapshot)}"
        return self.ask("PUT", path, body, token=secret, content_encoding="deflate")

    def team(self, query: str = "") -> TeamReport:
        answer = self.ask("GET", f"/team{query}", token=self.admin)
        assert answer.status == 200, answer
        return msgspec.json.decode(answer.body, type=TeamReport)


def a_snapshot(*problems: Problem, **packages: str) -> Snapshot:
    interpreter = Interpreter(
        implementation="CPython", version="3.11.7", abi="cp311", platform="linux-x86_64"
    )
    return snapshot_of(interpreter, [Package(*each) for each in packages.items()], problems)


def a_record(
    snapshot: Snapshot,
    path: str = "/home/ann/rl/.venv",
    *,
    policy: str | None = None,
    use: str | None = None,
    detail: str | None = None,
    shared_as: str | None = None,
) -> EnvironmentRecord:
    project = None if policy is None else Project(path="/home/ann/rl", policy=policy)
    details = () if detail is None else (ProblemDetail("unreadable", None, detail),)
    return EnvironmentRecord(
        path=path,
        python=f"{path}/bin/python",
        kind="venv",
        digest=digest_of(snapshot),
        project=project,
        use=use,
        details=details,
        shared_as=shared_as,
    )


def records(*each: EnvironmentRecord, is_incomplete: bool = False) -> Records:
    return Records(records=each, facts=FACTS, is_incomplete=is_incomplete)


def a_checkin(
    held: Records,
    *,
    epoch: str = "e1",
    seq: int = 1,
    protocol: int = 1,
    is_incomplete: bool | None = None,
    speaker: str | None = None,
    host: str | None = None,
) -> Checkin:
    return Checkin(
        protocol=protocol,
        epoch=epoch,
        seq=seq,
        records=records_digest(held),
        policies={},
        version="0.1.0",
        is_incomplete=held.is_incomplete if is_incomplete is None else is_incomplete,
        speaker=speaker,
        host=host,
    )


GOOD = a_snapshot(gym="0.26.2")
BAD = a_snapshot(gym="0.25.2")
"""What the policy wants, and what it does not."""


def says(answer: Answer, status: int, *words: str) -> None:
    """Hold a refusal to its status, and to the words that it must have."""
    refusal = msgspec.json.decode(answer.body, type=Refusal)
    assert answer.status == status, refusal
    for word in words:
        assert word in f"{refusal.error} {refusal.hint}"
