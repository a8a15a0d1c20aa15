"""Who asks: by ``Authorization: Bearer`` on the API, by a session cookie on the pages."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from envguard.server.observing import note_of
from envguard.server.refusals import RefusalError
from envguard.server.service import Service
from envguard.server.store.access import Principal, who_has, who_is_signed_in
from envguard.server.tokens import SecretDigest, digest_of_secret

COOKIE = "envguard_session"
SESSION_S = 12 * 3600.0
_BECOME_ADMIN = 'export ENVGUARD_TOKEN="$(cat STATE/admin-token)", STATE being the server\'s state folder'
_JOIN = "envguard join STRING"
_RUNNERS = ("machine", "admin")


def secret_in(authorization: str) -> SecretDigest:
    """Answer the secret of an ``Authorization`` header; raises RefusalError with 401."""
    scheme, _, secret = authorization.partition(" ")
    if scheme.lower() != "bearer" or not secret:
        raise RefusalError(401, "the request carries no token", f"{_BECOME_ADMIN}; a machine: {_JOIN}")
    return digest_of_secret(secret.strip())


def unknown_secret() -> RefusalError:
    """Answer the refusal of a secret that is nobody's."""
    return RefusalError(
        401, "the server does not know this token", f"{_BECOME_ADMIN}; a machine: {_JOIN} again"
    )


def not_a_machine() -> RefusalError:
    """Answer the refusal of a person where machines speak."""
    return RefusalError(403, "only a joined machine may do this", _JOIN)


async def identify(request: Request, service: Service) -> Principal:
    """Answer whose token the request carries; raises RefusalError with 401."""
    principal = await holder_of(secret_in(request.headers.get("authorization", "")), service)
    note_of(request).who = principal.name
    return principal


async def holder_of(digest: SecretDigest, service: Service) -> Principal:
    """Answer whose secret this is; raises RefusalError with 401."""

    def look_up() -> Principal | None:
        with service.database.reading() as connection:
            return who_has(connection, digest)

    principal = await run_in_threadpool(look_up)
    if principal is None:
        raise unknown_secret()
    return principal


async def identify_machine(request: Request, service: Service) -> str:
    """Answer the id of the machine that asks; raises RefusalError with 401 or 403."""
    return machine_in(await identify(request, service))


def machine_in(principal: Principal) -> str:
    """Answer the id of the machine that asks; raises RefusalError with 403 where it is a person."""
    if principal.machine is None:
        raise not_a_machine()
    return principal.machine


async def identify_person(request: Request, service: Service) -> None:
    """Let people pass, and no machine; raises RefusalError with 401 or 403."""
    if (await identify(request, service)).machine is not None:
        raise RefusalError(403, "this needs a person's token: a machine is told of itself", _BECOME_ADMIN)


async def identify_runner(request: Request, service: Service) -> Principal:
    """Answer who asks and let pass who may tell of runs: machines, and all people but those who only read.

    Every person's token is an admin's yet. Raises RefusalError with 401 or 403.
    """
    principal = await identify(request, service)
    if principal.role not in _RUNNERS:
        raise RefusalError(403, "this token only reads", _BECOME_ADMIN)
    return principal


async def identify_admin(request: Request, service: Service) -> Principal:
    """Answer who asks and let only the admin pass; raises RefusalError with 401 or 403."""
    principal = await identify(request, service)
    if principal.role != "admin":
        raise RefusalError(403, "this needs the admin's token", _BECOME_ADMIN)
    return principal


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
    note_of(request).who = principal.name if principal is not None else None
    return principal
