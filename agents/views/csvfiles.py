"""A CSV file as an answer, written while it is read: so many at a time, and no more."""

import threading
from collections.abc import Iterator

from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse

from agents.views.errors import error_page

# A reader holds one of the places that a process works in (ade/places.py) for as long as it reads,
# however slowly. Half of them are always left to everyone else.
RUNNING_MOST = 2
_running = threading.BoundedSemaphore(RUNNING_MOST)


class _Pieces:
    """The text of a file, in pieces. It counts as running from here until it is closed."""

    def __init__(self, pieces: Iterator[str]) -> None:
        self._pieces = pieces
        self._open = True

    def __iter__(self) -> Iterator[str]:
        return self._pieces

    def close(self) -> None:
        """Called by Django when the answer is over, also where nobody began to read it."""
        if self._open:
            self._open = False
            _running.release()

    # What drops an answer without closing it must not shut others out for good.
    __del__ = close


def csv_file(request: HttpRequest, name: str, pieces: Iterator[str]) -> HttpResponseBase:
    """The pieces as a file of this name, which has no quotes; 503 while too many are read."""
    if not _running.acquire(blocking=False):
        return _busy(request)
    response = StreamingHttpResponse(
        _Pieces(pieces),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
    # A proxy that collects the answer would hold all of it.
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _busy(request: HttpRequest) -> HttpResponseBase:
    why = f"{RUNNING_MOST} exports are running already. Try again when one of them is done."
    response = error_page(request, 503, why)
    response.headers["Retry-After"] = "10"
    return response
