"""Export all agents that match a filter as CSV."""

from collections.abc import Callable, Collection, Iterable, Iterator

from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_GET

from agents.core.errors import BadRequest, Invalid
from agents.core.filters import AgentFilter
from agents.core.json_text import dumps
from agents.core.limits import EXPORT_AGENTS
from agents.core.tag_text import shown
from agents.domain.transfer.export_zip import zip_pieces
from agents.queries.agents.address import ListState, parse
from agents.queries.agents.export import ExportRow, agent_ids, export_batches
from agents.views.core.actors import actor_of
from agents.views.core.agent_list.picked import picked_of, to_selection
from agents.views.core.csv_response import csv_file, streamed_file
from agents.views.core.csv_text import csv_text

_WIDE = [
    "id", "name", "description", "model", "embedding", "context_window_limit", "created_at",
    "updated_at", "tags",
]  # fmt: skip
_LONG = ["agent_id", "tag"]


@require_GET
def export(request: HttpRequest) -> HttpResponseBase:
    """One line for each agent; with `form=long` one line for each agent and tag."""
    actor = actor_of(request)
    state, notices = parse(request.GET)
    if notices:
        # A page reports what it left out; a file cannot, and would contain more than was asked for.
        raise BadRequest(" ".join(["Nothing was exported.", *notices]))
    head, lines = _form(request.GET.get("form", ""))
    wanted, left_out = _wanted(request, state)
    batches = _without(export_batches(wanted, actor=actor, sort=state.sort), left_out)
    what = "agent-tags" if request.GET.get("form") == "long" else "agents"
    name = f"{what}-{timezone.now():%Y-%m-%d}.csv"
    return csv_file(request, name, _pieces(head, batches, lines))


@require_GET
def export_zip(request: HttpRequest) -> HttpResponseBase:
    """The agents of the filter as agent files in a zip file."""
    actor = actor_of(request)
    state, notices = parse(request.GET)
    if notices:
        raise BadRequest(" ".join(["Nothing was exported.", *notices]))
    wanted, left_out = _wanted(request, state)
    most = EXPORT_AGENTS + 1 + len(left_out)
    ids = agent_ids(wanted, actor=actor, sort=state.sort, most=most)
    ids = [agent_id for agent_id in ids if agent_id not in left_out]
    if len(ids) > EXPORT_AGENTS:
        raise Invalid(
            f"A zip file takes at most {EXPORT_AGENTS:,} agents, and more match. Narrow the filter."
        )
    name = f"agents-{timezone.now():%Y-%m-%d}.zip"
    pieces = zip_pieces(ids, actor=actor)
    return streamed_file(request, name, pieces, content_type="application/zip")


def _wanted(request: HttpRequest, state: ListState) -> tuple[AgentFilter, frozenset[str]]:
    """The filter of the address, or with `?picked=1` the agents picked under it, and those left out."""
    if "picked" not in request.GET:
        return state.filter, frozenset()
    picked = picked_of(request, state)
    if picked.nothing:
        raise BadRequest("No agents are picked. Go back to the list and pick some.")
    selection = to_selection(state, picked)
    return selection.wanted, frozenset(selection.excluded)


def _without(
    batches: Iterator[list[ExportRow]], left_out: Collection[str]
) -> Iterator[list[ExportRow]]:
    for batch in batches:
        yield [row for row in batch if row.public_id not in left_out]


Lines = Callable[[ExportRow], Iterable[Iterable[object]]]


def _form(name: str) -> tuple[list[str], Lines]:
    if name not in ("", "wide", "long"):
        raise BadRequest(f"form must be wide or long, not {shown(name)}.")
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
