"""How the server says no: one exception, and one body for every answer that is not a success."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ExceptionHandler

from envguard.errors import EnvguardError, PolicyError, StateError, UsageError
from envguard.log import get_log
from envguard.server.observing import note_of
from envguard.server.store.failures import failure_of
from envguard.wire import Refusal

_log = get_log(__name__)
_LATER = {"Retry-After": "30"}
_STATUS_WORDS = {404: "there is nothing at this address", 405: "this address does not take that method"}


class RefusalError(Exception):
    """The request is understood and refused; becomes an answer with a :class:`Refusal`."""

    def __init__(
        self, status: int, error: str, hint: str | None = None, *, retry_after_s: int | None = None
    ) -> None:
        super().__init__(error)
        self.status = status
        self.refusal = Refusal(error=error, hint=hint)
        self.headers = None if retry_after_s is None else {"Retry-After": str(retry_after_s)}


class JsonResponse(Response):
    """A message of the wire as an answer."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        """Answer the message as JSON."""
        return msgspec.json.encode(content)


def exception_handlers() -> dict[object, ExceptionHandler]:
    """Answer what turns each kind of exception into an answer."""
    kinds = (RefusalError, HTTPException, EnvguardError, SQLAlchemyError, Exception)
    return dict.fromkeys(kinds, answer_to)


def answer_to(request: Request, error: Exception) -> Response:
    """Answer what is sent where a request raised this."""
    match error:
        case RefusalError():
            return _refused(request, error)
        case HTTPException():
            return _http(request, error)
        case UsageError() | PolicyError():
            return _refused(request, refusal_of(error))
        case EnvguardError():
            return _ours(request, error)
        case SQLAlchemyError():
            return _database(request, error)
    _log.error("request_failed", path=request.url.path, error=type(error).__name__)
    return _answer(request, Refusal(error="the server failed; its log says where"), 500)


def refusal_of(error: EnvguardError) -> RefusalError:
    """Answer what a caller is told of an error that is the request's; every problem of a policy is named."""
    problems = (error.problems or (error,)) if isinstance(error, PolicyError) else (error,)
    hint = next((each.hint for each in problems if each.hint), error.hint)
    return RefusalError(422, "\n".join(map(str, problems)), hint)


def _refused(request: Request, error: RefusalError) -> Response:
    _log.info("request_refused", path=request.url.path, status=error.status, why=error.refusal.error)
    return _answer(request, error.refusal, error.status, error.headers)


def _ours(request: Request, error: EnvguardError) -> Response:
    status = 503 if isinstance(error, StateError) else 500
    _log.error("request_failed", path=request.url.path, status=status, error=error.kind, why=str(error))
    return _answer(request, refusal_of(error).refusal, status, _LATER if status == 503 else None)


def _http(request: Request, error: HTTPException) -> Response:
    words = _STATUS_WORDS.get(error.status_code, error.detail)
    refusal = Refusal(error=f"{words}: {request.method} {request.url.path}")
    return _answer(request, refusal, error.status_code, error.headers)


def _database(request: Request, error: SQLAlchemyError) -> Response:
    why = str(getattr(error, "orig", None) or type(error).__name__).partition("\n")[0]
    _log.error("database_failed", path=request.url.path, error=type(error).__name__, why=why)
    failure = failure_of(error)
    headers = None if failure.retry_after_s is None else {"Retry-After": str(failure.retry_after_s)}
    return _answer(request, Refusal(error=failure.error, hint=failure.hint), failure.status, headers)


def _answer(
    request: Request, refusal: Refusal, status: int, headers: Mapping[str, str] | None = None
) -> Response:
    """Every error's document names the request, so that its lines in the log are found."""
    named = msgspec.structs.replace(refusal, request_id=note_of(request).id or None)
    return JsonResponse(named, status, headers=headers)
