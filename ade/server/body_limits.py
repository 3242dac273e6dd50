"""Refuses bodies: before anything reads them, or because they did not arrive whole."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, UnreadablePostError

from ade.http import client_address
from ade.ops.failure_pages import refusal
from ade.server.request_bodies import RETRY_SECONDS, Body

AROUND_A_FILE = 1024 * 1024  # bytes of a form besides the file that it uploads
_FAILURES = {
    "crowded": (503, "ADE is receiving too many request bodies. Nothing was saved. Try again."),
    "late": (503, "ADE is overloaded. Nothing was saved. Try again."),
    "short": (400, "The body ended early. Nothing was saved."),
}


class BodyMiddleware:
    """Refuses a body that ADE cannot accept at once, and one that did not arrive whole."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # The length is unknown: Django would see an empty body.
        if "HTTP_TRANSFER_ENCODING" in request.META:
            return refusal(request, 411, "Send the body with its Content-Length.")
        announced = str(request.META.get("CONTENT_LENGTH") or "0")
        if not (announced.isascii() and announced.isdigit() and len(announced) < 20):
            return refusal(request, 400, "Content-Length must be a number of bytes.")
        length = int(announced)
        coding = str(request.META.get("HTTP_CONTENT_ENCODING", "")).strip().lower()
        if length and coding not in ("", "identity"):
            return refusal(
                request,
                415,
                "Send the body without Content-Encoding: ADE does not read compressed bodies.",
            )
        if length > settings.DATA_UPLOAD_MAX_MEMORY_SIZE + AROUND_A_FILE:
            return refusal(request, 413, "The body is too large.")
        body: Body | None = request.META.get("ade.body")  # None in tests and under runserver
        if body is None:
            return self.get_response(request)
        body.address = client_address(request)
        response = self.get_response(request)
        if not body.failure:
            return response
        # This replaces any answer made without the body: the CSRF check reads the body too.
        status, message = _FAILURES[body.failure]
        answer = refusal(request, status, message)
        if status == 503:
            answer.headers["Retry-After"] = str(RETRY_SECONDS)
        return answer

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer 400 to an unreadable body: it is no error of the server, and must not be logged as one."""
        if isinstance(error, UnreadablePostError):
            return refusal(request, 400, "The body could not be read.")
        return None
