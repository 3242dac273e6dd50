"""Agents that change because something they share does: locked in their order, and moved on."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils import timezone

from agents.models import Agent

_STEP = timedelta(microseconds=1)
_BATCH = 500


def lock(agents: QuerySet[Agent]) -> list[Agent]:
    """Lock these agents by seq, as every write does. Call it inside a write."""
    seqs = agents.order_by().values("seq")
    locked = Agent.objects.filter(seq__in=seqs).select_for_update(no_key=True)
    return list(locked.order_by("seq"))


def touch_all(agents: Sequence[Agent]) -> datetime:
    """Move the version and `updated_at` of locked agents; returns the moment it happened."""
    now = timezone.now()
    for agent in agents:
        # The clock may stand still or go back; updated_at never does.
        agent.updated_at = max(now, agent.updated_at + _STEP)
        agent.version += 1
    Agent.objects.bulk_update(agents, ["updated_at", "version"], batch_size=_BATCH)
    return now
