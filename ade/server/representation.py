"""How an answer is sent: without its body, not at all where the client has it, or compressed."""

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase, StreamingHttpResponse
from django.utils.cache import patch_vary_headers

from ade import etags
from ade.http import is_secret
from ade.server import content_coding

Handler = Callable[[HttpRequest], HttpResponseBase]

_LEAST = 1024  # bytes; a smaller answer fits into one packet as it is
_TEXT = re.compile(r"text/|application/(.+\+)?(json|javascript|xml|yaml)\b|image/svg")
_OF_A_BODY = ("Content-Type", "Content-Length", "Content-Disposition")


class HeadMiddleware:
    """Answers HEAD as GET is answered, with the same headers and without the body."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method != "HEAD":
            return self.get_response(request)
        request.method = request.META["REQUEST_METHOD"] = "GET"
        try:
            response = self.get_response(request)
        finally:
            request.method = request.META["REQUEST_METHOD"] = "HEAD"
        if isinstance(response, StreamingHttpResponse):
            response.streaming_content = ()  # what it was made of is closed with the response
        elif isinstance(response, HttpResponse):
            response.headers.setdefault("Content-Length", str(len(response.content)))
            response.content = b""
        return response


class RepresentationMiddleware:
    """Compresses pages, API answers and files; answers 304 to a client that has the answer."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if _is_text(response) and not is_secret(request, response):
            patch_vary_headers(response, ["Accept-Encoding"])
            coding = content_coding.chosen(
                request.headers.get("Accept-Encoding", ""), small=_is_small(response)
            )
        else:
            coding = ""
        if coding and "ETag" in response.headers:
            response.headers["ETag"] = etags.coded(response.headers["ETag"], coding)
        if isinstance(response, HttpResponse) and _is_known(request, response):
            return _without_body(response)
        if coding:
            _compress(response, coding)
        return response


def _is_text(response: HttpResponseBase) -> bool:
    """True if it can be compressed. Static files are, before the server starts."""
    if response.headers.get("Content-Encoding") or getattr(response, "file_to_stream", None):
        return False
    if not response.streaming and not response.content:  # type: ignore[attr-defined]  # untyped base
        return False
    return bool(_TEXT.match(response.headers.get("Content-Type", "")))


def _is_small(response: HttpResponseBase) -> bool:
    return isinstance(response, HttpResponse) and len(response.content) <= _LEAST


def _is_known(request: HttpRequest, response: HttpResponse) -> bool:
    if request.method != "GET" or response.status_code != 200:
        return False
    header, etag = request.headers.get("If-None-Match"), response.headers.get("ETag")
    return bool(header and etag and etags.names(header, etag))


def _without_body(response: HttpResponse) -> HttpResponse:
    """The answer as a 304: its headers, except those of its body."""
    response.status_code = 304
    response.content = b""
    for name in _OF_A_BODY:
        del response.headers[name]
    return response


def _compress(response: HttpResponseBase, coding: str) -> None:
    response.headers["Content-Encoding"] = coding
    if isinstance(response, StreamingHttpResponse):
        del response.headers["Content-Length"]
        parts = response.streaming_content
        response.streaming_content = content_coding.compressed_parts(parts, coding)  # type: ignore[arg-type]  # no file of ours is asynchronous
    elif isinstance(response, HttpResponse):
        response.content = content_coding.compressed(response.content, coding)
        if "Content-Length" in response.headers:
            response.headers["Content-Length"] = str(len(response.content))
