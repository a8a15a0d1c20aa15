"""Letting machines in: join strings, and what becomes of who comes with one.

Rules
1. A join token that is refused, and a name that is taken, cost no use of it.
2. What the server calls machines that join by a token goes before what they say of themselves.
3. By a token that asks for approval a machine only begins to wait, also one that had joined: what it had
   before holds until it is let in.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone

import sqlalchemy as sa

from envguard.domain.audit import AuditEntry
from envguard.log import get_log
from envguard.server.fields import check_name, check_text
from envguard.server.judging import machine_moved
from envguard.server.refusals import RefusalError
from envguard.server.service import Service
from envguard.server.store import admission, audit, tokens
from envguard.server.store.access import Principal, who_has
from envguard.server.store.machines import Joining
from envguard.server.store.machines import enrol as keep_machine
from envguard.server.tokens import SecretDigest, digest_of_secret, new_secret
from envguard.wire import EnrolReply, EnrolRequest, JoinString, SecretReply, TokenRequest, write_join
from envguard.wire.certificates import fingerprint_of

_LABELS_LIMIT = 64
_ANOTHER = "ask an admin for another: envguard token new"
_UNKNOWN = "the server does not know this join string"
_AS_IT_IS = TokenRequest()

_log = get_log(__name__)


def new_join(service: Service, wish: TokenRequest = _AS_IT_IS, by: Principal | None = None) -> str:
    """Answer a fresh join string, by the server itself or by an admin; its token is kept only as a digest."""
    token, now_s = new_secret("join"), service.clock()
    kept = tokens.JoinToken(
        digest=digest_of_secret(token), labels=wish.labels, needs_approval=wish.needs_approval
    )
    who = "server" if by is None else by.name
    with service.database.writing() as connection:
        tokens.add_join_token(
            connection,
            kept,
            by=who,
            made_with=None if by is None else by.token,
            now_s=now_s,
            expires_s=wish.expires_s,
            uses=wish.uses,
        )
        made = f"{tokens.id_of(kept.digest)}: {wish.uses} uses, {until_text(now_s + wish.expires_s)}"
        role = "server" if by is None else by.role
        audit.record(connection, AuditEntry(who=who, role=role, act="join-token.new", object=made), now_s)
    return write_join(JoinString(service.url, token, fingerprint_by(service)))


def until_text(at_s: float) -> str:
    """Answer an end as the audit log has it."""
    return f"until {datetime.fromtimestamp(at_s, timezone.utc):%Y-%m-%dT%H:%M:%SZ}"


def fingerprint_by(service: Service) -> str | None:
    """Answer by what people and machines know this server; None: by what they trust anyhow."""
    return None if service.authority is None else fingerprint_of(service.authority)


def enrol(service: Service, message: EnrolRequest) -> EnrolReply:
    """Let a machine in, or let it wait; raises RefusalError with 403 or 409."""
    secret, now_s = new_secret("machine"), service.clock()
    with service.database.writing_alone() as connection:
        token = _used(connection, message.token, now_s)
        joining = Joining(
            machine=message.machine,
            name=message.name,
            labels={**message.labels, **token.labels},
            secret=digest_of_secret(secret),
            joined_with=token.digest,
        )
        _check_free(connection, joining)
        if token.needs_approval:
            admission.wait_for_approval(connection, joining, now_s)
        else:
            admission.forget_waiting(connection, joining.machine)
            admission.free_name(connection, joining.name, joining.machine)
            keep_machine(connection, joining, now_s)
            machine_moved(connection, joining.machine, service.now())
        act = "machine.ask" if token.needs_approval else "machine.join"
        about = f"{message.name}, by {tokens.id_of(token.digest)}"
        entry = AuditEntry(who=message.name, role="machine", act=act, object=about)
        audit.record(connection, entry, now_s)
    _log.info("machine_enrolled", machine=message.name, waits=token.needs_approval)
    return EnrolReply(
        secret, service.interval_s, labels=dict(joining.labels), is_pending=token.needs_approval
    )


def offer_secret(service: Service, machine: str) -> SecretReply:
    """Answer another secret for a machine; the one that it has goes on until it comes with this one."""
    secret = new_secret("machine")
    with service.database.writing() as connection:
        admission.offer_secret(connection, machine, digest_of_secret(secret))
    return SecretReply(secret)


def take_offered(service: Service, digest: SecretDigest) -> None:
    """Make an offered secret the machine's; that it is so already is no failure. Raises RefusalError."""
    now_s = service.clock()
    with service.database.reading() as connection:
        if isinstance(who_has(connection, digest, now_s), Principal):
            return  # its answer did not arrive
    with service.database.writing() as connection:
        name = admission.take_offered(connection, digest, now_s)
        if name is None:
            raise RefusalError(401, "the server did not offer this secret", "the one from before goes on")
        entry = AuditEntry(who=name, role="machine", act="machine.renew", object=name)
        audit.record(connection, entry, now_s)
    _log.info("secret_renewed", machine=name)


def check_labels(labels: Mapping[str, str]) -> None:
    """Raise RefusalError where these are no labels of a machine."""
    if len(labels) > _LABELS_LIMIT:
        raise RefusalError(400, f"malformed body: more than {_LABELS_LIMIT} labels - at `$.labels`")
    for key, value in labels.items():
        check_name("labels", key)
        check_text("labels", value)


def _used(connection: sa.Connection, secret: str, now_s: float) -> tokens.JoinToken:
    used = tokens.use_join_token(connection, digest_of_secret(secret), now_s)
    if isinstance(used, tokens.JoinToken):
        return used
    what = _UNKNOWN if used == "unknown" else f"the join string is {used}"
    raise RefusalError(403, what, _ANOTHER)


def _check_free(connection: sa.Connection, joining: Joining) -> None:
    if admission.who_is_called(connection, joining.name) not in (None, joining.machine):
        raise RefusalError(
            409,
            f"another machine has this name already: {joining.name}",
            "give this one another: envguard join STRING --name NAME",
        )
