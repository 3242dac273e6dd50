"""Every error of the API, from whatever raised it: {"detail": ...} and a status."""

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest, UnreadablePostError
from django.utils.log import log_response
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from ade import outage
from agents.api.answers import Answer, error
from agents.errors import DomainError, TooMany


def add_handlers(api: NinjaAPI) -> None:
    """Make the API answer every exception in its own form."""
    handlers: dict[type[Exception], Any] = {
        DomainError: refused,
        ValidationError: invalid,
        AuthenticationError: lambda _request, _exc: unauthorized(),
        HttpError: http_error,
        Http404: lambda _request, _exc: not_found(),
        RequestDataTooBig: lambda _request, _exc: error(413, "The body is too large."),
        SuspiciousOperation: lambda _request, _exc: error(400, "Bad Request"),
        UnreadablePostError: lambda _request, _exc: error(400, "The body could not be read."),
        Exception: broken,
    }
    for kind, handler in handlers.items():
        api.add_exception_handler(kind, handler)


def refused(request: HttpRequest, exc: DomainError) -> Answer:
    """What the domain refuses; what is invalid says where, as pydantic does."""
    if isinstance(exc, TooMany):
        late = error(exc.status, exc.message)
        late.headers["Retry-After"] = str(exc.seconds)
        return late
    if exc.status != 422:
        return error(exc.status, exc.message)
    source = "query" if request.method == "GET" else "body"
    where = [source, *exc.field.split(".")] if exc.field else [source]
    return error(422, [{"type": "value_error", "loc": where, "msg": exc.message}])


def invalid(_request: HttpRequest, exc: ValidationError) -> Answer:
    """What pydantic refuses: wrong types, missing fields, unknown choices."""
    return error(422, [found | {"loc": _place(found["loc"])} for found in exc.errors])


def _place(loc: Sequence[str | int]) -> list[str | int]:
    """Where it was typed: ninja names the view's parameter after the part of the request."""
    place = list(loc)
    return place[1:] if place[:1] == place[1:2] and place[0] in ("body", "query") else place


def http_error(request: HttpRequest, exc: HttpError) -> Answer:
    """ninja's own errors. It wraps what its parser raises, which knows more."""
    if isinstance(exc.__cause__, DomainError):
        return refused(request, exc.__cause__)
    return error(exc.status_code, exc.message)


def unauthorized() -> Answer:
    """The same for no key, an unknown, a wrong, a disabled and an expired one."""
    response = error(401, "Unauthorized")
    response.headers["WWW-Authenticate"] = "Bearer"
    return response


def not_found() -> Answer:
    """No such address."""
    return error(404, "Not Found")


def not_allowed(allow: str) -> Answer:
    """An address that does not take this method."""
    response = error(405, "Method Not Allowed")
    response.headers["Allow"] = allow
    return response


def broken(request: HttpRequest, exc: Exception) -> Answer:
    """A fault of ours: logged with its traceback; the answer says only where to look.

    A database that is away or too slow is none: 503, and when to try again.
    """
    if message := outage.told(exc):
        outage.note(exc)
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
