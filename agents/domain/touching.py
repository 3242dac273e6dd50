"""How an agent that changes is moved on; and all that share what changed, locked in their order."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils import timezone

from agents.models import Agent

_STEP = timedelta(microseconds=1)
_BATCH = 500


def moved_on(before: datetime, now: datetime) -> datetime:
    """The new `updated_at` of an agent: the clock may stand still or go back, that never does."""
    return max(now, before + _STEP)


def lock(agents: QuerySet[Agent]) -> list[Agent]:
    """Lock these agents by seq, as every write does. Call it inside a write."""
    seqs = agents.order_by().values("seq")
    locked = Agent.objects.filter(seq__in=seqs).select_for_update(no_key=True)
    return list(locked.order_by("seq"))


def touch_all(agents: Sequence[Agent]) -> datetime:
    """Move the version and `updated_at` of locked agents; returns the moment it happened."""
    now = timezone.now()
    for agent in agents:
        agent.updated_at = moved_on(agent.updated_at, now)
        agent.version += 1
    Agent.objects.bulk_update(agents, ["updated_at", "version"], batch_size=_BATCH)
    return now
