"""Metrics that `/metrics` reads from the database on each request, equal in all processes."""

import platform
from collections.abc import Iterator
from contextlib import suppress
from math import inf
from pathlib import Path

import django
from django.db import DatabaseError, InterfaceError, connection
from django.db.models import Count, Min, Q
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from ade.backups import last
from ade.version import VERSION
from agents.domain.bulk import retries
from agents.models import AgentSource, BulkPlan, BulkState, Delivery, DeliveryState, Webhook


class AtThisMoment(Collector):
    """Reads the metrics. Without the database it reports only that the database is unavailable."""

    def collect(self) -> Iterator[Metric]:
        labels = {
            "version": VERSION,
            "python": platform.python_version(),
            "django": django.get_version(),
            "database": connection.vendor,
        }
        build = GaugeMetricFamily(
            "ade_build_info", "Versions of ADE and its platform.", labels=list(labels)
        )
        build.add_metric(list(labels.values()), 1)
        yield build
        try:
            found = [*_work(), *_webhooks(), *_sources(), _size(), _backup()]
        except (DatabaseError, InterfaceError):
            found = []
        yield GaugeMetricFamily("ade_db_up", "1 if the database answers.", value=bool(found))
        yield from found


def _work() -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "ade_tasks_waiting",
        "Tasks that are due and not yet taken by a worker.",
        value=DBTaskResult.objects.ready().count(),
    )
    yield GaugeMetricFamily(
        "ade_bulk_changes_running",
        "Bulk changes that are running.",
        value=BulkPlan.objects.filter(state=BulkState.RUNNING).count(),
    )
    yield GaugeMetricFamily(
        "ade_bulk_changes_failed",
        "Bulk changes stopped by an error. Resume or undo them.",
        value=retries.failed(BulkPlan.objects.all()).count(),
    )
    retried = BulkPlan.objects.filter(state__in=retries.UNDER_WAY, failures__gt=0)
    yield GaugeMetricFamily(
        "ade_bulk_changes_retried",
        "Bulk changes being retried after a temporary error.",
        value=retried.count(),
    )


def _webhooks() -> Iterator[Metric]:
    on, off = Q(enabled=True), Q(enabled=False)
    states = Webhook.objects.aggregate(
        well=Count("id", filter=on & Q(failures=0)),
        failing=Count("id", filter=on & Q(failures__gt=0)),
        gave_up=Count("id", filter=off & ~Q(problem="")),
        off=Count("id", filter=off & Q(problem="")),
    )
    hooks = GaugeMetricFamily(
        "ade_webhooks",
        "Webhooks by state: well, failing, gave_up (switched off by ADE) or off.",
        labels=["state"],
    )
    for state, number in states.items():
        hooks.add_metric([state], number)
    yield hooks
    # Without webhooks that are off. The number is bounded, see WEBHOOK_WAITING.
    waiting = Delivery.objects.filter(state=DeliveryState.WAITING, webhook__enabled=True)
    found = waiting.aggregate(number=Count("id"), oldest=Min("created_at"))
    yield GaugeMetricFamily(
        "ade_webhook_deliveries_waiting", "Pending deliveries.", value=found["number"]
    )
    age = (timezone.now() - found["oldest"]).total_seconds() if found["oldest"] else 0.0
    yield GaugeMetricFamily(
        "ade_webhook_oldest_waiting_seconds",
        "Age of the oldest pending delivery, in seconds.",
        value=max(0.0, age),
    )


def _sources() -> Iterator[Metric]:
    """One statement; a source that is paused has no lag."""
    now = timezone.now()
    lag = GaugeMetricFamily(
        "ade_source_lag_seconds",
        "Seconds since the last answer of a source; infinite before the first.",
        labels=["source"],
    )
    waiting = GaugeMetricFamily(
        "ade_source_agents_waiting",
        "Agents whose tags have not reached their source.",
        labels=["source"],
    )
    oldest = GaugeMetricFamily(
        "ade_source_oldest_waiting_seconds",
        "Seconds for which the oldest of these agents has waited.",
        labels=["source"],
    )
    lost = CounterMetricFamily(
        "ade_source_lost_updates",
        "Tags that other programs wrote over at a source, as far as ADE noticed.",
        labels=["source"],
    )
    behind = Q(agents__behind_since__isnull=False)
    sources = AgentSource.objects.annotate(
        number=Count("agents", filter=behind), since=Min("agents__behind_since")
    )
    for source in sources.order_by("name"):
        label = [source.name]
        if source.paused_at is None:
            seen = source.synced_at
            lag.add_metric(label, inf if seen is None else max(0.0, (now - seen).total_seconds()))
        waiting.add_metric(label, source.number)
        age = 0.0 if source.since is None else (now - source.since).total_seconds()
        oldest.add_metric(label, max(0.0, age))
        lost.add_metric(label, source.lost_updates)
    yield from (lag, waiting, oldest, lost)


def _backup() -> Metric:
    return GaugeMetricFamily(
        "ade_backup_age_seconds",
        "Seconds since the last good backup; infinite if there was none.",
        value=last.age(),
    )


def _size() -> Metric:
    """Return bytes on disk. For SQLite also the log, which is overwritten and never shrinks."""
    size = GaugeMetricFamily(
        "ade_db_bytes", "Size of the database on disk, in bytes.", labels=["part"]
    )
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_database_size(current_database())")
            size.add_metric(["data"], cursor.fetchone()[0])
        return size
    for part, ending in (("data", ""), ("log", "-wal")):
        with suppress(OSError):  # no file: in memory, or without a log
            size.add_metric(
                [part], Path(f"{connection.settings_dict['NAME']}{ending}").stat().st_size
            )
    return size
