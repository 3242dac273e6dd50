"""Turn every exception into an error response: {"detail": ..., "code": ...} and a status."""

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import BadRequest as DjangoBadRequest
from django.core.exceptions import SuspiciousOperation
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.utils.log import log_response
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from ade.ops import outage
from ade.ops.failure_pages import refusal_for
from agents.api.core.answers import Answer, error
from agents.api.core.sentences import sentence
from agents.core.errors import DomainError, LimitExceeded, SourceUnavailable, StillRunning, TooMany

_TOLD = 50  # errors in one response


def add_handlers(api: NinjaAPI) -> None:
    """Register the handlers of all exceptions."""
    handlers: dict[type[Exception], Any] = {
        DomainError: refused,
        ValidationError: invalid,
        AuthenticationError: lambda _request, _exc: unauthorized(),
        HttpError: http_error,
        Http404: lambda _request, _exc: not_found(),
        SuspiciousOperation: malformed,
        MultiPartParserError: malformed,
        DjangoBadRequest: malformed,
        UnreadablePostError: lambda _request, _exc: error(400, "The body could not be read."),
        Exception: broken,
    }
    for kind, handler in handlers.items():
        api.add_exception_handler(kind, handler)


def refused(request: HttpRequest, exc: DomainError) -> Answer:
    """Return the response for a domain error. A 422 has pydantic's form and says where."""
    if isinstance(exc, TooMany | StillRunning | SourceUnavailable):
        late = error(exc.status, exc.message, exc.code)
        late.headers["Retry-After"] = str(exc.seconds)
        return late
    if exc.status != 422:
        return error(exc.status, exc.message, exc.code)
    source = "query" if request.method == "GET" else "body"
    if exc.field == "Idempotency-Key":
        source = "header"
    where = [source, *exc.field.split(".")] if exc.field else [source]
    return error(422, [{"type": "value_error", "loc": where, "msg": exc.message}], exc.code)


def invalid(_request: HttpRequest, exc: ValidationError) -> Answer:
    """Return the response for pydantic's errors: wrong types, missing fields, unknown choices."""
    details = [
        {"type": found["type"], "loc": _place(found["loc"]), "msg": sentence(found)}
        for found in exc.errors[:_TOLD]
    ]
    over = details and str(details[0]["type"]).endswith("too_long")
    return error(422, details, LimitExceeded.code if over else "")


def _place(loc: Sequence[str | int]) -> list[str | int]:
    """Return the error's place, without the name of the view's parameter that ninja adds."""
    place = list(loc)
    return place[1:] if place[:1] == place[1:2] and place[0] in ("body", "query") else place


def http_error(request: HttpRequest, exc: HttpError) -> Answer:
    """Return the response for ninja's errors. An error of our parser, if wrapped, is more exact."""
    if isinstance(exc.__cause__, DomainError):
        return refused(request, exc.__cause__)
    return error(exc.status_code, exc.message)


def malformed(_request: HttpRequest, exc: Exception) -> Answer:
    """Return the response for requests Django refuses: a broken form, too many fields, a bad host."""
    return error(*refusal_for(exc))


def unauthorized() -> Answer:
    """Return a 401. It is the same for a missing, unknown, wrong, disabled and expired key."""
    response = error(401, "Unauthorized")
    response.headers["WWW-Authenticate"] = "Bearer"
    return response


def not_found() -> Answer:
    """Return a 404 for an unknown path."""
    return error(404, "Not Found")


def not_allowed(allow: str) -> Answer:
    """Return a 405 with the allowed methods."""
    response = error(405, "Method Not Allowed")
    response.headers["Allow"] = allow
    return response


def broken(request: HttpRequest, exc: Exception) -> Answer:
    """Return a 500 with the request ID, and log the traceback.

    If the database is unavailable or too slow, return a 503 with Retry-After instead.
    """
    if message := outage.sentence_for(exc):
        outage.report(exc)
        away = error(503, message)
        away.headers["Retry-After"] = str(outage.RETRY_SECONDS)
        return away
    got_request_exception.send(sender=None, request=request)
    request_id = getattr(request, "request_id", None)
    response = error(500, f"Internal Server Error (request {request_id})")
    log_response(
        "%s: %s",
        "Internal Server Error",
        request.path,
        response=response,
        request=request,
        exception=exc,
    )
    return response
