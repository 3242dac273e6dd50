"""The whole list of a filter as a CSV file."""

import threading
from collections.abc import Callable, Iterable, Iterator

from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from agents.errors import BadRequest
from agents.filterparse import parse
from agents.jsontext import dumps
from agents.listing.export import ExportRow, export_batches
from agents.tagnames import shown
from agents.views.access import actor_of
from agents.views.csvtext import csv_text
from agents.views.errors import error_page

# A reader holds a thread of the server for as long as it reads, however slowly. Half of the threads
# that a process has (bin/serve.py) are always left to everyone else.
RUNNING_MOST = 2
_running = threading.BoundedSemaphore(RUNNING_MOST)

_WIDE = [
    "id", "name", "description", "model", "embedding", "context_window_limit", "created_at",
    "updated_at", "tags",
]  # fmt: skip
_LONG = ["agent_id", "tag"]


class Export:
    """The text of an export, in pieces. It counts as running from here until it is closed."""

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

    # What drops an answer without closing it must not shut exports out for good.
    __del__ = close


@require_GET
def export(request: HttpRequest) -> HttpResponseBase:
    """The agents of the filter, one a line; with `form=long` one line for each agent and tag."""
    actor = actor_of(request)
    state, notices = parse(request.GET)
    if notices:
        # A page says what it left out. A file would not, and hold more than was asked for.
        raise BadRequest(" ".join(["Nothing was exported.", *notices]))
    head, lines = _form(request.GET.get("form", ""))
    batches = export_batches(state.filter, actor=actor, sort=state.sort)
    if not _running.acquire(blocking=False):
        return _busy(request)
    name = f"agents-{timezone.now():%Y-%m-%d}.csv"
    response = StreamingHttpResponse(
        Export(_pieces(head, batches, lines)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
    # A proxy that collects the answer would hold all of it.
    response.headers["X-Accel-Buffering"] = "no"
    return response


Lines = Callable[[ExportRow], Iterable[Iterable[object]]]


def _form(name: str) -> tuple[list[str], Lines]:
    if name not in ("", "wide", "long"):
        raise BadRequest(f"form={shown(name)} is unknown: it is wide or long.")
    return (_LONG, _long) if name == "long" else (_WIDE, _wide)


def _pieces(head: list[str], batches: Iterator[list[ExportRow]], lines: Lines) -> Iterator[str]:
    yield csv_text([head])
    for batch in batches:
        yield csv_text(line for row in batch for line in lines(row))


def _wide(row: ExportRow) -> Iterable[Iterable[object]]:
    yield [
        row.public_id,
        row.name,
        row.description,
        row.model,
        row.embedding,
        row.context_window_limit,
        row.created_at.isoformat(),
        row.updated_at.isoformat(),
        dumps([tag.name for tag in row.tags]),
    ]


def _long(row: ExportRow) -> Iterable[Iterable[object]]:
    return ([row.public_id, tag.name] for tag in row.tags)


def _busy(request: HttpRequest) -> HttpResponseBase:
    why = f"{RUNNING_MOST} exports are running already. Try again when one of them is done."
    response = error_page(request, 503, why)
    response.headers["Retry-After"] = "10"
    return response
