"""All agents of a filter, batch by batch: constant memory, and no transaction held open between."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from agents.actors import Actor
from agents.filters import AgentFilter, Sort
from agents.listing.paging import decode, page
from agents.listing.rows import TagChip, chips
from agents.models import Agent

# An agent may carry a thousand tags, so a batch of more would not be small.
_BATCH = 500


@dataclass(frozen=True, slots=True)
class ExportRow:
    """An agent as a file of the list has it; users' tags first, then by text."""

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
    """The agents of a filter in its order, some at a time; a batch may be empty, and goes on.

    Each batch is read when it is asked for, from the place where the one before it ended: what
    stands still meanwhile is there once, what is changed may be there as it was or as it is.
    """
    after = None
    while True:
        found = page(wanted, actor=actor, sort=sort, size=_BATCH, after=after)
        yield _rows(found.seqs)
        if found.older is None:
            return
        after = decode(found.older, sort)


def _rows(seqs: list[int]) -> list[ExportRow]:
    tags = chips(seqs)
    values = Agent.objects.filter(seq__in=seqs).values_list(*_COLUMNS)
    rows = {value[0]: ExportRow(tags.get(value[0], []), *value) for value in values}
    return [rows[seq] for seq in seqs if seq in rows]
