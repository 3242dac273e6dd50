"""Read all agents of a filter in batches: in constant memory, without a long transaction."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from agents.core.actors import Actor
from agents.core.filters import AgentFilter, Sort
from agents.models import Agent
from agents.queries.agents.paging import decode, page
from agents.queries.agents.rows import TagChip, chips

# An agent may have a thousand tags, so a larger batch would need much memory.
_BATCH = 500


@dataclass(frozen=True, slots=True)
class ExportRow:
    """An agent as the exported file shows it; user tags first, then by text."""

    tags: list[TagChip]
    seq: int
    public_id: str
    name: str
    description: str | None
    model: str
    embedding: str | None
    context_window_limit: int | None
    created_at: datetime
    updated_at: datetime


_COLUMNS = [name for name in ExportRow.__dataclass_fields__ if name != "tags"]


def export_batches(
    wanted: AgentFilter, *, actor: Actor, sort: Sort = Sort.NEWEST
) -> Iterator[list[ExportRow]]:
    """Yield the agents of a filter in order, in batches. An empty batch is not the end.

    Each batch is read when it is asked for, from where the previous one ended. An agent that does not
    change meanwhile occurs once; one that changes may occur in its old or its new form.
    """
    after = None
    while True:
        found = page(wanted, actor=actor, sort=sort, size=_BATCH, after=after)
        yield _rows(found.seqs)
        if found.older is None:
            return
        after = decode(found.older, sort)


def agent_ids(wanted: AgentFilter, *, actor: Actor, sort: Sort, most: int) -> list[str]:
    """The ids of a filter's agents in its order, at most `most` of them."""
    ids: list[str] = []
    for batch in export_batches(wanted, actor=actor, sort=sort):
        ids += [row.public_id for row in batch]
        if len(ids) >= most:
            break
    return ids[:most]


def _rows(seqs: list[int]) -> list[ExportRow]:
    tags = chips(seqs)
    values = Agent.objects.filter(seq__in=seqs).values_list(*_COLUMNS)
    rows = {value[0]: ExportRow(tags.get(value[0], []), *value) for value in values}
    return [rows[seq] for seq in seqs if seq in rows]
