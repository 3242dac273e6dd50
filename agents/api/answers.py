"""Finished answers: bytes of JSON, with their headers."""

import msgspec
from django.http import HttpResponse

_encoder = msgspec.json.Encoder(enc_hook=str)

Answer = HttpResponse


def answer(content: bytes, *, status: int = 200, etag: str | None = None) -> Answer:
    """The answer with this JSON."""
    response = HttpResponse(content, status=status, content_type="application/json")
    if etag is not None:
        response.headers["ETag"] = etag
    return response


def json_answer(value: object, *, status: int = 200, etag: str | None = None) -> Answer:
    """The answer with this value as JSON."""
    return answer(_encoder.encode(value), status=status, etag=etag)


def error(status: int, detail: object) -> Answer:
    """The one form of every error."""
    return json_answer({"detail": detail}, status=status)
