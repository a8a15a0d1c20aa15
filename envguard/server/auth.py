"""Who asks: by ``Authorization: Bearer`` on the API, by a session cookie on the pages."""

from __future__ import annotations

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from envguard.domain.audit import AuditEntry, AuditOutcome
from envguard.domain.rights import PERSON_ROLES, TABLE, Act, least_role
from envguard.server.observing import note_of
from envguard.server.refusals import RefusalError
from envguard.server.service import Service
from envguard.server.store.access import Principal, Stranger, who_has, who_is_signed_in
from envguard.server.store.admission import is_place_noted, note_place
from envguard.server.store.tokens import note_use, people_with
from envguard.server.tokens import SecretDigest, digest_of_secret

COOKIE = "envguard_session"
SESSION_S = 12 * 3600.0
PLACE_HEADER = "envguard-machine"
"""By which people's commands tell on which machine they run: a token that was used on a lost one is lost."""

_SIGN_IN = "envguard login URL, or export ENVGUARD_TOKEN=TOKEN; a machine: envguard join STRING"
_ADMINS_FILE = "the server's own file holds an admin's token: STATE/admin-token"
_NAMES_SHOWN = 5
_ID_LIMIT = 200
_RETIRED_ASK_S = 6 * 3600
"""How seldom the agent of a retired machine is to ask; it does not know yet that it may stop."""
_PENDING_ASK_S = 60


async def identify(request: Request, service: Service) -> Principal:
    """Answer whose token the request carries; raises RefusalError: 401, or 403 to machines that are out."""
    digest = secret_in(request.headers.get("authorization", ""))
    principal = await holder_of(digest, service, request.headers.get(PLACE_HEADER, "")[:_ID_LIMIT])
    note_of(request).who = principal.label
    return principal


async def holder_of(digest: SecretDigest, service: Service, place: str = "") -> Principal:
    """Answer whose secret this is; raises as :func:`identify`. ``place``: the id of a machine, if told."""

    def look_up() -> tuple[Principal | Stranger, bool]:
        now_s = service.clock()
        with service.database.reading() as connection:
            found = who_has(connection, digest, now_s)
            return found, isinstance(found, Principal) and _is_noted(connection, found, place)

    found, is_noted = await run_in_threadpool(look_up)
    if isinstance(found, Stranger):
        raise refusal_of_stranger(found)
    if not is_noted:
        await run_in_threadpool(_note, service, found, place)
    return found


def secret_in(authorization: str) -> SecretDigest:
    """Answer the secret of an ``Authorization`` header; raises RefusalError with 401."""
    scheme, _, secret = authorization.partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise RefusalError(401, "the request carries no token", _SIGN_IN)
    return digest_of_secret(secret.strip())


def machine_in(principal: Principal) -> str:
    """Answer the id of the machine that asks; raises RefusalError with 403 where it is a person."""
    if principal.machine is None:
        raise not_a_machine(principal)
    return principal.machine


def not_a_machine(who: Principal | Stranger) -> RefusalError:
    """Answer the refusal of somebody who is heard by no machine's secret."""
    if isinstance(who, Stranger):
        return refusal_of_stranger(who)
    hint = "envguard join STRING makes this computer one"
    return RefusalError(403, f"only a joined machine may do this, and {_who(who)}", hint)


def entry_by(principal: Principal, act: str, about: str, *, outcome: AuditOutcome = "done") -> AuditEntry:
    """Answer what is written into the audit log of somebody who was identified."""
    return AuditEntry(who=principal.name, role=principal.role, act=act, object=about, outcome=outcome)


async def signed_in(request: Request, service: Service) -> Principal | None:
    """Answer who is signed in at the pages; None where nobody is."""
    cookie = request.cookies.get(COOKIE)
    if not cookie:
        return None
    digest = digest_of_secret(cookie)

    def look_up() -> Principal | None:
        with service.database.reading() as connection:
            return who_is_signed_in(connection, digest, service.clock())

    principal = await run_in_threadpool(look_up)
    note_of(request).who = principal.label if principal is not None else None
    return principal


def words_of(stranger: Stranger) -> str:
    """Answer in a sentence why a secret lets nobody in."""
    return refusal_of_stranger(stranger).refusal.error


def _is_noted(connection: sa.Connection, principal: Principal, place: str) -> bool:
    if principal.machine is not None:
        return True
    return principal.is_use_noted and (not place or is_place_noted(connection, principal.token, place))


def _note(service: Service, principal: Principal, place: str) -> None:
    with service.database.writing() as connection:
        note_use(connection, principal.token, service.clock())
        if place:
            note_place(connection, principal.token, place)


def refusal_of_stranger(stranger: Stranger) -> RefusalError:
    """Say what became of a secret that lets nobody in."""
    name = stranger.name
    anew = f"an admin makes another: envguard token new --person {name} --role ROLE"
    match stranger.why:
        case "pending":
            hint = f"an admin lets it in: envguard machines approve {name}"
            return RefusalError(
                403, f"this machine waits to be let in: {name}", hint, retry_after_s=_PENDING_ASK_S
            )
        case "retired" | "lost" as why:
            how = "was retired" if why == "retired" else "was given up as lost"
            hint = "stop its agent; to come back: envguard join STRING"
            return RefusalError(403, f"this machine {how}: {name}", hint, retry_after_s=_RETIRED_ASK_S)
        case "expired":
            return RefusalError(401, f"this token has expired: {name}'s", anew)
        case "revoked":
            whose = f": {name}'s" if name else ""
            return RefusalError(401, f"this token was revoked{whose}", anew if name else _SIGN_IN)
        case "unknown":
            return RefusalError(401, "the server does not know this token", _SIGN_IN)


def not_allowed(service: Service, principal: Principal, act: Act) -> RefusalError:
    """Say to who may not which role it takes, and who has it."""
    if act == "report":
        return not_a_machine(principal)
    roles = TABLE[act]
    with service.database.reading() as connection:
        people = people_with(connection, roles, service.clock())
    least = least_role(act)
    role = least if least == PERSON_ROLES[-1] else f"{least} or a higher one"
    what = f"this needs the role {role}, and {_who(principal)}"
    if not people:
        return RefusalError(403, what, f"nobody has it by a token of a person's own; {_ADMINS_FILE}")
    more = f" and {len(people) - _NAMES_SHOWN} more" if len(people) > _NAMES_SHOWN else ""
    return RefusalError(403, what, f"ask who has it: {', '.join(people[:_NAMES_SHOWN])}{more}")


def _who(principal: Principal) -> str:
    if principal.machine is not None:
        return f"{principal.name} is a machine: it takes a person's token"
    return f"{principal.name} has the role {principal.role}"
