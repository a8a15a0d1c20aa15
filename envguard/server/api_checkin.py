"""``POST checkin``, the one request that every machine makes every minute: ASGI with nothing in between.

What it says, also when it says no, is what any route would: messages, checks and refusals are the same.
"""

from __future__ import annotations

from functools import partial

import msgspec
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from envguard.domain.environment import is_digest
from envguard.errors import EnvguardError
from envguard.server.auth import holder_of, machine_in, secret_in
from envguard.server.body import decode, decompressed, received
from envguard.server.checkins import Answered, Asked, answer_all
from envguard.server.fields import check_name, check_text
from envguard.server.grouping import WAITING_AT_MOST, FullError, Group
from envguard.server.observing import Note, note_of
from envguard.server.refusals import RefusalError, answer_to
from envguard.server.service import Service
from envguard.wire import PROTOCOL, Checkin, CheckinReply

LIMIT_BYTES = 32 * 1024
"""A check-in has a few hundred bytes; with the names of five hundred policies, this much."""

_LARGEST_SEQ = 2**63 - 1
_COME_BACK_S = 5
"""When to try again where too many ask at once: agents spread what they add to it."""

_ROUTE = "/api/v1/checkin"
_JSON = (b"content-type", b"application/json")


class CheckinApi:
    """The route of check-ins, as an ASGI application."""

    def __init__(self, service: Service, *, waiting: int = WAITING_AT_MOST) -> None:
        """Answer by this service; so many check-ins may wait for it."""
        self._service = service
        self.group: Group[Asked, Answered] = Group(partial(answer_all, service), waiting=waiting)
        service.metrics.queue_depth.set_function(lambda: self.group.waiting)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        note = note_of(Request(scope))
        note.route = _ROUTE
        try:
            reply = msgspec.json.encode(await self._reply(scope, receive, note))
        except Exception as error:
            answer = answer_to(Request(scope), error)
            await answer(scope, receive, send)
            if answer.status_code == 500 and not isinstance(error, EnvguardError):
                raise  # nobody expected it: who runs the server wants to see where it came from
            return
        headers = [(b"content-length", b"%d" % len(reply)), _JSON]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": reply})

    async def _reply(self, scope: Scope, receive: Receive, note: Note) -> CheckinReply:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        secret = secret_in(headers.get(b"authorization", b"").decode("latin-1"))
        try:
            said = await _message(headers, receive)
        except RefusalError:
            machine_in(await holder_of(secret, self._service))  # who may not ask at all is told so first
            raise
        try:
            answered = await self.group.result_of(Asked(secret, said, _address(scope)))
        except FullError:
            raise RefusalError(
                429, "too many machines check in at once", "try again later", retry_after_s=_COME_BACK_S
            ) from None
        if answered.machine is not None:
            note.who = f"machine:{answered.machine}"
        if isinstance(answered.answer, RefusalError):
            raise answered.answer
        return answered.answer


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


async def _message(headers: dict[bytes, bytes], receive: Receive) -> Checkin:
    announced = headers.get(b"content-length", b"").decode("latin-1")
    body = await received(receive, announced, limit_bytes=LIMIT_BYTES)
    packed = headers.get(b"content-encoding")
    if packed is not None:
        body = await decompressed(body, packed.decode("latin-1"), limit_bytes=LIMIT_BYTES)
    said = decode(body, Checkin)
    _check(said)
    return said


def _check(said: Checkin) -> None:
    if said.protocol != PROTOCOL:
        side = "server" if said.protocol > PROTOCOL else "agent"
        spoken = f"the agent speaks protocol {said.protocol}, the server {PROTOCOL}"
        raise RefusalError(426, f"{spoken}: upgrade the {side}", "pip install --upgrade envguard")
    check_name("epoch", said.epoch)
    check_text("version", said.version)
    for field, text in (("speaker", said.speaker), ("host", said.host)):
        if text is not None:
            check_name(field, text)
    if not 0 <= said.seq <= _LARGEST_SEQ:
        raise RefusalError(400, "malformed body: not a sequence number - at `$.seq`")
    if not is_digest(said.records):
        raise RefusalError(400, "malformed body: not a digest - at `$.records`")
