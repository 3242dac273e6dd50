"""The whole list of a filter as a CSV file."""

from collections.abc import Callable, Iterable, Iterator

from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_GET

from agents.errors import BadRequest
from agents.filterparse import parse
from agents.jsontext import dumps
from agents.listing.export import ExportRow, export_batches
from agents.tagnames import shown
from agents.views.access import actor_of
from agents.views.csvfiles import csv_file
from agents.views.csvtext import csv_text

_WIDE = [
    "id", "name", "description", "model", "embedding", "context_window_limit", "created_at",
    "updated_at", "tags",
]  # fmt: skip
_LONG = ["agent_id", "tag"]


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
    name = f"agents-{timezone.now():%Y-%m-%d}.csv"
    return csv_file(request, name, _pieces(head, batches, lines))


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
