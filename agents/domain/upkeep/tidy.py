"""Remove old rows of tables that would grow forever."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import Model, QuerySet
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from ade.db.sqlite import statistics
from ade.models import CacheEntry
from agents.core.actors import Actor, Power
from agents.domain.agents import trash
from agents.domain.core.idempotency import expired
from agents.domain.core.transactions import write
from agents.models import AccessToken, AgentUse, ApiKey, BulkPlan, BulkState, TagUse

_YEAR = timedelta(days=365)
_BATCH = 200  # rows removed in one transaction, which blocks other writers on SQLite
_FOUND = 20_000  # rows to remove that one look finds


def tidy(*, days: int, actor: Actor) -> dict[str, int]:
    """Remove rows that ended, or were never used, more than `days` ago. Returns how many of each kind.

    Sessions and counts of sign-in attempts are removed as soon as they expire. The history stays, and
    names removed keys. On SQLite the statistics of ANALYZE are removed too. Raises NotAllowed.
    """
    actor.require(Power.ADMIN, "tidy up")
    if connection.vendor == "sqlite":
        statistics.forget(connection)
    now = timezone.now()
    removed = {
        name: _remove(rows) for name, rows in _ended(now, now - timedelta(days=days)).items()
    }
    purged = 0
    while number := trash.purge_expired(actor=actor):
        purged += number
    return {**removed, "agents whose days in the trash are over": purged}


def _ended(now: datetime, before: datetime) -> dict[str, QuerySet[Model]]:
    # Limited keys are many and short-lived. Other expired keys stay visible.
    keys = ApiKey.objects.filter(limit_tag__isnull=False, expires_at__lt=before)
    # Applied plans stay, because they are the records of their runs.
    plans = BulkPlan.objects.filter(
        state__in=[BulkState.PLANNING, BulkState.PLANNED], created_at__lt=before
    )
    return {
        "sessions": Session.objects.filter(expire_date__lt=now),
        "counts of sign-in attempts": CacheEntry.objects.filter(expires__lt=now),
        "records of finished tasks": DBTaskResult.objects.finished().filter(finished_at__lt=before),
        "expired keys that are limited to a tag": keys,
        "bulk changes that were never started": plans,
        "last uses of agents, a year old": AgentUse.objects.filter(used_at__lt=now - _YEAR),
        "last uses of tags, a year old": TagUse.objects.filter(used_at__lt=now - _YEAR),
        "expired client-side access tokens": AccessToken.objects.filter(expires_at__lt=now),
        "old idempotency keys": expired(now),
        "agent files of agents that are not in the trash": trash.unused_files(),
    }


def _remove(rows: QuerySet[Model]) -> int:
    removed = 0
    # Found outside of the transactions that delete: the last look reads the whole table.
    while found := list(rows.values_list("pk", flat=True)[:_FOUND]):
        for start in range(0, len(found), _BATCH):
            removed += _remove_some(rows, found[start : start + _BATCH])
    return removed


@write
def _remove_some(rows: QuerySet[Model], some: Sequence[object]) -> int:
    """Remove those of some rows that are still to be removed."""
    still = list(rows.filter(pk__in=some).values_list("pk", flat=True))
    rows.model._default_manager.filter(pk__in=still).delete()
    return len(still)
