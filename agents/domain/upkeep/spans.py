"""Find when removed tags had been added and deleted agents created, in history that does not say so.

Versions up to 0.2 did not record it. It is read from the history of each agent. What that does not say
either is marked as not known, and answers about the past say from when they are complete.
"""

from collections.abc import Iterable
from datetime import datetime

from agents.core import spans
from agents.core.errors import LimitExceeded
from agents.domain.core.transactions import write
from agents.models import Change
from agents.queries.access.past import (
    begins_of,
    births_without_moment,
    ends_without_span,
    steps_of_agent,
)

_BATCH = 500  # changes completed in one transaction


def is_complete() -> bool:
    """True if `complete_some` has nothing to do. Reads two rows."""
    return not births_without_moment(1) and not ends_without_span(1)


@write
def complete_some() -> bool:
    """Complete up to 500 changes. True if there may be more."""
    born = Change.objects.filter(id__in=births_without_moment(_BATCH))
    rows = list(born.select_related("change_set"))
    for row in rows:
        row.at = row.change_set.created_at
    Change.objects.bulk_update(rows, ["at"])
    return len(rows) == _BATCH or _complete_ends()


def _complete_ends() -> bool:
    ends = Change.objects.filter(id__in=ends_without_span(_BATCH))
    rows = list(ends.select_related("change_set"))
    begins = dict(_begins({str(row.agent_id) for row in rows}))
    for row in rows:
        begin, end = row.added_at or begins.get(row.id), row.moment
        row.added_at, row.at = begin, end
        row.span_node = spans.UNKNOWN if begin is None else spans.node(begin, end)
    Change.objects.bulk_update(rows, ["at", "added_at", "span_node"])
    return len(rows) == _BATCH


def _begins(agent_ids: Iterable[str]) -> Iterable[tuple[int, datetime]]:
    for agent_id in agent_ids:
        try:
            yield from begins_of(steps_of_agent(agent_id)).items()
        except LimitExceeded:
            continue  # too many changes to read: they stay not known
