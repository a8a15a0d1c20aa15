"""What people ask of tokens: who one is, and, as an admin, who comes in."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from envguard.domain.rights import RESERVED_NAMES
from envguard.log import get_log
from envguard.server.auth import entry_by
from envguard.server.body import read_message
from envguard.server.fields import check_name
from envguard.server.joining import check_labels, fingerprint_by, new_join, until_text
from envguard.server.refusals import JsonResponse, RefusalError
from envguard.server.service import Service
from envguard.server.store import audit, tokens
from envguard.server.store.access import Principal
from envguard.server.tokens import digest_of_secret, new_secret
from envguard.wire import (
    PersonTokenReply,
    PersonTokenRequest,
    Revoked,
    RevokeRequest,
    TokenReply,
    TokenRequest,
    TokenRow,
    Tokens,
    WhoAmI,
)

_LIMIT_BYTES = 64 * 1024
_LISTED = "list them: envguard token list"

_log = get_log(__name__)


class TokenApi:
    """The routes of tokens."""

    def __init__(self, service: Service) -> None:
        """Answer by this service."""
        self._service = service

    async def whoami(self, _request: Request, principal: Principal) -> Response:
        """``GET whoami``."""

        def look() -> WhoAmI:
            with self._service.database.reading() as connection:
                ends_at = tokens.expires_at(connection, principal.token)
            return WhoAmI(name=principal.name, role=principal.role, expires_at=ends_at)

        return JsonResponse(await run_in_threadpool(look))

    async def new_join(self, request: Request, principal: Principal) -> Response:
        """``POST tokens``."""
        wish = await read_message(request, TokenRequest, limit_bytes=_LIMIT_BYTES)
        check_labels(wish.labels)
        return JsonResponse(TokenReply(await run_in_threadpool(new_join, self._service, wish, principal)))

    async def new_person(self, request: Request, principal: Principal) -> Response:
        """``POST tokens/people``."""
        wish = await read_message(request, PersonTokenRequest, limit_bytes=_LIMIT_BYTES)
        check_name("person", wish.person)
        if wish.person in RESERVED_NAMES:
            what = f"malformed body: nobody is called so - at `$.person`: {wish.person}"
            raise RefusalError(400, what, "envguard token new --person ann --role lead")
        return JsonResponse(await run_in_threadpool(self._new_person, principal, wish))

    async def list(self, _request: Request, _principal: Principal) -> Response:
        """``GET tokens``: never what opens anything."""

        def look() -> Tokens:
            with self._service.database.reading() as connection:
                return Tokens(tuple(each.row for each in tokens.kept_tokens(connection)))

        return JsonResponse(await run_in_threadpool(look))

    async def revoke(self, request: Request, principal: Principal) -> Response:
        """``POST tokens/revoke``: it lets nobody in from the next request on."""
        wish = await read_message(request, RevokeRequest, limit_bytes=_LIMIT_BYTES)
        if (wish.id is None) == (wish.person is None):
            what = "malformed body: an id or a person is expected - at `$`"
            raise RefusalError(400, what, "envguard token revoke --person ann")
        return JsonResponse(await run_in_threadpool(self._revoke, principal, wish))

    def _new_person(self, principal: Principal, wish: PersonTokenRequest) -> PersonTokenReply:
        service, token, now_s = self._service, new_secret("person"), self._service.clock()
        digest = digest_of_secret(token)
        with service.database.writing() as connection:
            tokens.add_person_token(
                connection,
                digest,
                person=wish.person,
                role=wish.role,
                by=principal.name,
                now_s=now_s,
                expires_s=wish.expires_s,
            )
            ends_at = tokens.expires_at(connection, digest)
            about = (
                f"{tokens.id_of(digest)}: {wish.person}, {wish.role}, {until_text(now_s + wish.expires_s)}"
            )
            audit.record(connection, entry_by(principal, "token.new", about), now_s)
        _log.info("token_made", person=wish.person, role=wish.role, by=principal.name)
        return PersonTokenReply(
            id=tokens.id_of(digest),
            person=wish.person,
            role=wish.role,
            expires_at=ends_at or service.now(),
            token=token,
            url=service.url,
            ca_fingerprint=fingerprint_by(service),
        )

    def _revoke(self, principal: Principal, wish: RevokeRequest) -> Revoked:
        now_s = self._service.clock()
        with self._service.database.writing_alone() as connection:
            meant = [each for each in tokens.kept_tokens(connection) if _is_meant(each.row, wish)]
            if not meant:
                which = f"of {wish.person}" if wish.id is None else wish.id
                raise RefusalError(404, f"the server has no such token: {which}", _LISTED)
            sessions = sum(tokens.revoke(connection, each, now_s) for each in meant)
            for each in meant:
                about = f"{each.row.id}: {each.row.person or 'for joining'}"
                audit.record(connection, entry_by(principal, "token.revoke", about), now_s)
        _log.info("tokens_revoked", count=len(meant), by=principal.name)
        return Revoked(tokens=tuple(each.row for each in meant), sessions=sessions)


def _is_meant(row: TokenRow, wish: RevokeRequest) -> bool:
    if wish.id is not None:
        return row.id == wish.id
    return row.kind == "person" and row.person == wish.person
