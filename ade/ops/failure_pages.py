"""Answers to requests that no view could answer: malformed, an error in ADE, or no database.

They are rendered without context processors and without the database, since either may have failed.
"""

import sys
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import (
    BadRequest,
    DisallowedHost,
    RequestDataTooBig,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.template.loader import render_to_string

from ade.http import CODES
from ade.ops import outage

_UNCHANGED = "Nothing was changed."
_TOO_MANY_FIELDS = (
    f"A form or an address has at most {settings.DATA_UPLOAD_MAX_NUMBER_FIELDS:,} fields."
)
_BROKEN_FORM = (
    "The form cannot be read: its Content-Type names no boundary, or its parts are broken."
)
_MALFORMED: dict[type[Exception], str] = {
    DisallowedHost: "This server does not answer to that host name. See ALLOWED_HOSTS.",
    TooManyFieldsSent: f"{_TOO_MANY_FIELDS} {_UNCHANGED}",
    TooManyFilesSent: (
        f"Send at most {settings.DATA_UPLOAD_MAX_NUMBER_FILES:,} files at a time. {_UNCHANGED}"
    ),
    MultiPartParserError: f"{_BROKEN_FORM} {_UNCHANGED}",
    BadRequest: f"Send the form as UTF-8. {_UNCHANGED}",
}

_EMPTY = {
    400: f"The request cannot be read. {_UNCHANGED}",
    403: "You may not do this.",
    404: "There is no such page.",
    405: "This address does not take {method}. It takes {allow}.",
    410: "This is gone.",
}


class EmptyRefusalMiddleware:
    """Adds a sentence to a refusal without one. Django's answer to a wrong method is empty."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        sentence = _EMPTY.get(response.status_code)
        if sentence is None or response.streaming or response.content or request.method == "HEAD":
            return response
        allow = response.headers.get("Allow", "")
        words = sentence.format(method=request.method, allow=allow or "nothing")
        answer = refusal(request, response.status_code, words)
        if allow:
            answer.headers["Allow"] = allow
        return answer


def failed(request: HttpRequest) -> HttpResponse:
    """Django's handler500, called while the error is being handled."""
    error = sys.exc_info()[1]
    if error is not None and (message := outage.sentence_for(error)):
        outage.report(error)
        return unavailable(request, outage.headline(error), message)
    if isinstance(error, UnreadablePostError):
        return plain_page(request, 400, "Not possible", "The body could not be read.")
    message = "ADE could not answer this."
    if request.method not in ("GET", "HEAD"):
        message += " What you did may not have been saved."
    return plain_page(request, 500, "Something went wrong", message)


def unavailable(request: HttpRequest, heading: str, message: str) -> HttpResponse:
    """Return a 503 with Retry-After, as JSON for the API, else as a page."""
    response: HttpResponse
    if request.path_info.startswith("/v1/"):
        response = JsonResponse({"detail": message, "code": CODES[503]}, status=503)
    else:
        response = plain_page(request, 503, heading, message)
    response.headers["Retry-After"] = str(outage.RETRY_SECONDS)
    return response


def malformed(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400, for requests that it refuses before a view reads them."""
    status, message = refusal_for(exception)
    return plain_page(request, status, "Not possible", message)


def refusal_for(error: Exception) -> tuple[int, str]:
    """Return the status and the sentence for a request that Django refuses to read."""
    if isinstance(error, RequestDataTooBig):
        return 413, "The body is too large."
    return 400, _MALFORMED.get(type(error), f"The request cannot be read. {_UNCHANGED}")


def refusal(request: HttpRequest, status: int, message: str) -> HttpResponse:
    """Return a refusal as JSON for the API, else as a page."""
    if request.path_info.startswith("/v1/"):
        return JsonResponse({"detail": message, "code": CODES[status]}, status=status)
    return plain_page(request, status, "Not possible", message)


def plain_page(request: HttpRequest, status: int, heading: str, message: str) -> HttpResponse:
    """Return a page without styles or scripts of its own; for htmx, a message above the page."""
    context = {
        "heading": heading,
        "message": message,
        "request_id": getattr(request, "request_id", ""),
        # A sent form is not repeated: its link leads to the start page.
        "again": request.get_full_path() if request.method == "GET" else "/agents/",
    }
    if "HX-Request" not in request.headers:
        return HttpResponse(render_to_string("failure.html", context), status=status)
    response = HttpResponse(render_to_string("failure.html#problem", context), status=status)
    response.headers["HX-Retarget"] = "#messages"
    response.headers["HX-Reswap"] = "innerHTML"
    return response
