"""What is refused of a body: before anything reads it, or because it did not come."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, UnreadablePostError

from ade.arrivals import RETRY_SECONDS, Body
from ade.http import client_address
from ade.views.failures import refusal

AROUND_A_FILE = 1024 * 1024  # bytes of a form besides the file that it uploads
_FAILURES = {
    "slow": (408, "The body took too long to arrive. Nothing was saved."),
    "crowded": (503, "Too many bodies are on their way. Nothing was saved: try again."),
    "short": (400, "The body ended early. Nothing was saved."),
}


class BodyMiddleware:
    """Refuses at once a body that could not be taken whole, and says so of one that was not."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Of unknown length: Django would take it for none.
        if "HTTP_TRANSFER_ENCODING" in request.META:
            return refusal(request, 411, "Send the body with its Content-Length.")
        said = str(request.META.get("CONTENT_LENGTH") or "")
        length = int(said) if said.isascii() and said.isdigit() else 0
        if length > settings.DATA_UPLOAD_MAX_MEMORY_SIZE + AROUND_A_FILE:
            return refusal(request, 413, "The body is too large.")
        body: Body | None = request.META.get("ade.body")  # where ADE is served
        if body is None:
            return self.get_response(request)
        body.asker = client_address(request)
        response = self.get_response(request)
        if not body.failure:
            return response
        # Whatever was made of a request without its body: the check of a form's token reads it too.
        status, message = _FAILURES[body.failure]
        answer = refusal(request, status, message)
        if status == 503:
            answer.headers["Retry-After"] = str(RETRY_SECONDS)
        return answer

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """No fault of ours, that would be logged as one."""
        if isinstance(error, UnreadablePostError):
            return refusal(request, 400, "The body could not be read.")
        return None
