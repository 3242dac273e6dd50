"""Lock agents in order, and give changed agents a new version and `updated_at`."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils import timezone

from agents.models import Agent

_STEP = timedelta(microseconds=1)
_BATCH = 500


def next_updated_at(before: datetime, now: datetime) -> datetime:
    """Return a new `updated_at` after `before`, even if the clock did not advance."""
    return max(now, before + _STEP)


def lock_in_order(agents: QuerySet[Agent]) -> list[Agent]:
    """Lock these agents in the order of seq, as every write does. Call it inside a write."""
    seqs = agents.order_by().values("seq")
    locked = Agent.objects.filter(seq__in=seqs).select_for_update(no_key=True)
    return list(locked.order_by("seq"))


def touch_all(agents: Sequence[Agent]) -> datetime:
    """Save a new version and `updated_at` for locked agents. Return the moment."""
    now = timezone.now()
    for agent in agents:
        agent.updated_at = next_updated_at(agent.updated_at, now)
        agent.version += 1
    Agent.objects.bulk_update(agents, ["updated_at", "version"], batch_size=_BATCH)
    return now
