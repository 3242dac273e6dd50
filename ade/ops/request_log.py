"""One log line and the metrics of each request.

The path is logged, but not the query: filters and searches contain tags and names, which are personal
data, and the callback of a sign-in contains codes. The body, cookies and headers are not logged.
"""

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase, StreamingHttpResponse

from ade.http import client_address
from ade.ops import metrics, outage
from ade.ops.logs import scrubbed

_log = logging.getLogger("ade.requests")
_PATH_LENGTH = 300  # characters logged of a path


def note_who(request: HttpRequest, who: str, name: str) -> None:
    """Store who asks, as in the history, for the log line of this request."""
    request.who = (who, name)  # type: ignore[attr-defined]  # added here


class RequestLogMiddleware:
    """Measures and logs each request when its answer is complete."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        spent = metrics.begin_spending()
        outage.begin(reads=request.method in ("GET", "HEAD", "OPTIONS"))
        response: HttpResponseBase = self.get_response(request)
        outage.end()

        def done(size: int, *, whole: bool = True) -> None:
            seconds = time.perf_counter() - started
            metrics.observe(request.method, route_of(request), response.status_code, seconds)
            metrics.count_spent(spent)
            _write(request, response, seconds=seconds, size=size, whole=whole, spent=spent)

        if not isinstance(response, StreamingHttpResponse):
            done(len(response.content))  # type: ignore[attr-defined]  # not typed on the base
        elif getattr(response, "file_to_stream", None) is not None:
            done(int(response.headers.get("Content-Length", 0)))
        else:
            response.streaming_content = _Counted(response.streaming_content, done)
        return response


class _Counted:
    """Passes on the parts of a stream, and calls `done` when it ends or breaks off."""

    def __init__(self, parts: Any, done: Callable[..., None]) -> None:
        self._parts, self._done = iter(parts), done
        self._size, self._over = 0, False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            part: bytes = next(self._parts)
        except StopIteration:
            self._end(whole=True)
            raise
        except BaseException:
            self._end(whole=False)
            raise
        self._size += len(part)
        return part

    def close(self) -> None:
        self._end(whole=False)

    def _end(self, *, whole: bool) -> None:
        if not self._over:
            self._over = True
            self._done(self._size, whole=whole)


def route_of(request: HttpRequest) -> str:
    """Return the route's pattern, `static` or `none`: few values, none chosen by a client."""
    match = getattr(request, "resolver_match", None)
    if match is not None:
        return f"/{match.route}"
    return "static" if request.path_info.startswith(settings.STATIC_URL) else "none"


def _write(
    request: HttpRequest,
    response: HttpResponseBase,
    *,
    seconds: float,
    size: int,
    whole: bool,
    spent: metrics.Spent,
) -> None:
    if not _log.isEnabledFor(logging.INFO):
        return
    who, name = getattr(request, "who", ("", ""))
    fields: dict[str, object] = {
        "method": request.method,
        "path": scrubbed(request.path_info[:_PATH_LENGTH]),
        "route": route_of(request),
        "status": response.status_code,
        "ms": round(seconds * 1000, 1),
        "bytes": size,
        "queries": spent.queries,
        "db_ms": round(spent.seconds * 1000, 1),
        "address": client_address(request),
    }
    if who:
        fields |= {"who": who, "name": name}
    if not whole:
        fields["whole"] = False
    _log.info("request", extra={"fields": fields})
