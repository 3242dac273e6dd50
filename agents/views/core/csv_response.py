"""A streamed CSV response. The number of responses at a time is limited."""

from collections.abc import Iterator
from itertools import chain

from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse

from agents.domain.transfer.downloads import RUNNING_MOST, start_download
from agents.views.core.actors import actor_of
from agents.views.core.errors import error_page

CSV = "text/csv; charset=utf-8"


def csv_file(request: HttpRequest, name: str, pieces: Iterator[str]) -> HttpResponseBase:
    """The pieces as a file of this name, which has no quotes; 503 while too many are read.

    It begins with a byte order mark, so that Excel reads UTF-8; `bom=no` leaves it out for programs.
    """
    mark = [] if request.GET.get("bom") == "no" else ["\ufeff"]
    return streamed_file(request, name, chain(mark, pieces), content_type=CSV)


def streamed_file(
    request: HttpRequest, name: str, pieces: Iterator[str | bytes], *, content_type: str
) -> HttpResponseBase:
    """Pieces of text or bytes as a file, under the same limits as a CSV file."""
    running = start_download(pieces, actor_of(request))
    if running is None:
        return _busy(request)
    response = StreamingHttpResponse(
        running,
        content_type=content_type,
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
