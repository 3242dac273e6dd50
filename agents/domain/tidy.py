"""What nobody needs any more: rows that only ever grow in number, removed once they are old."""

from datetime import datetime, timedelta

from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import Model, QuerySet
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from ade.models import CacheEntry
from ade.sqlite import statistics
from agents.actors import Actor, Power
from agents.domain.transactions import write
from agents.models import ApiKey, BulkPlan, BulkState

_BATCH = 500  # rows removed in one transaction: on SQLite nobody writes meanwhile


def tidy(*, days: int, actor: Actor) -> dict[str, int]:
    """Remove what ended, or was made and never used, more than `days` ago. How many of each.

    Sessions and counts of sign-in attempts go as soon as they are over. History stays, and tells
    of keys that are gone. On SQLite what an ANALYZE counted goes too. Raises NotAllowed.
    """
    actor.require(Power.ADMIN, "tidy up")
    if connection.vendor == "sqlite":
        statistics.forget(connection)
    now = timezone.now()
    return {name: _remove(rows) for name, rows in _ended(now, now - timedelta(days=days)).items()}


def _ended(now: datetime, before: datetime) -> dict[str, QuerySet[Model]]:
    # Keys that a key made are short-lived and many; those that a person made are kept to be seen.
    keys = ApiKey.objects.filter(limit_tag__isnull=False, expires_at__lt=before)
    # A plan that was applied is the record of its run.
    plans = BulkPlan.objects.filter(
        state__in=[BulkState.PLANNING, BulkState.PLANNED], created_at__lt=before
    )
    return {
        "sessions": Session.objects.filter(expire_date__lt=now),
        "counts of sign-in attempts": CacheEntry.objects.filter(expires__lt=now),
        "traces of done tasks": DBTaskResult.objects.finished().filter(finished_at__lt=before),
        "expired keys that are limited to a tag": keys,
        "bulk changes never begun": plans,
    }


def _remove(rows: QuerySet[Model]) -> int:
    removed = 0
    while number := _remove_some(rows):
        removed += number
    return removed


@write
def _remove_some(rows: QuerySet[Model]) -> int:
    some = list(rows.values_list("pk", flat=True)[:_BATCH])
    rows.model._default_manager.filter(pk__in=some).delete()
    return len(some)
