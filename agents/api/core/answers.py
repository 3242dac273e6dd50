"""JSON responses with their headers."""

import msgspec
from django.http import HttpResponse

from ade.http import CODES

_encoder = msgspec.json.Encoder(enc_hook=str)

Answer = HttpResponse


def answer(content: bytes, *, status: int = 200, etag: str | None = None) -> Answer:
    """Return a response with these bytes of JSON."""
    response = HttpResponse(content, status=status, content_type="application/json")
    if etag is not None:
        response.headers["ETag"] = etag
    return response


def json_answer(value: object, *, status: int = 200, etag: str | None = None) -> Answer:
    """Return a response with this value as JSON."""
    return answer(_encoder.encode(value), status=status, etag=etag)


def error(status: int, detail: object, code: str = "") -> Answer:
    """Return an error response. For a 501 it tells Letta's clients not to retry."""
    answer = json_answer({"detail": detail, "code": code or CODES[status]}, status=status)
    if status == 501:
        answer.headers["x-should-retry"] = "false"
    return answer
