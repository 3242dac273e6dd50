"""What is refused of a body before anything reads it."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from ade.views.failures import refusal

AROUND_A_FILE = 1024 * 1024  # bytes of a form besides the file that it uploads


class BodyMiddleware:
    """Refuses at once a body that could not be taken whole."""

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
        return self.get_response(request)
