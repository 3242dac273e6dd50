"""What `/metrics` looks up when it is asked: the database answers alike, whichever process asks."""

import platform
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import django
from django.db import DatabaseError, InterfaceError, connection
from django.db.models import Count, Min, Q
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ade.version import VERSION
from agents.models import BulkPlan, BulkState, Delivery, DeliveryState, Webhook


class AtThisMoment(Collector):
    """What is not counted but looked up; without its database it says only that this is away."""

    def collect(self) -> Iterator[Metric]:
        labels = {
            "version": VERSION,
            "python": platform.python_version(),
            "django": django.get_version(),
            "database": connection.vendor,
        }
        build = GaugeMetricFamily("ade_build_info", "What runs here.", labels=list(labels))
        build.add_metric(list(labels.values()), 1)
        yield build
        try:
            found = [*_work(), *_webhooks(), _size()]
        except (DatabaseError, InterfaceError):
            found = []
        yield GaugeMetricFamily("ade_db_up", "1 if the database answers.", value=bool(found))
        yield from found


def _work() -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "ade_tasks_waiting",
        "Tasks that are due and no worker has taken.",
        value=DBTaskResult.objects.ready().count(),
    )
    yield GaugeMetricFamily(
        "ade_bulk_changes_running",
        "Bulk changes that have begun and not ended.",
        value=BulkPlan.objects.filter(state=BulkState.RUNNING).count(),
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
        "ade_webhooks", "Webhooks: well, failing, given up by ADE, off.", labels=["state"]
    )
    for state, number in states.items():
        hooks.add_metric([state], number)
    yield hooks
    # Those of a webhook that is off wait for nobody. The number is bounded, see WEBHOOK_WAITING.
    waiting = Delivery.objects.filter(state=DeliveryState.WAITING, webhook__enabled=True)
    found = waiting.aggregate(number=Count("id"), oldest=Min("created_at"))
    yield GaugeMetricFamily(
        "ade_webhook_deliveries_waiting", "Deliveries not made yet.", value=found["number"]
    )
    age = (timezone.now() - found["oldest"]).total_seconds() if found["oldest"] else 0.0
    yield GaugeMetricFamily(
        "ade_webhook_oldest_waiting_seconds",
        "Since when the oldest of them waits.",
        value=max(0.0, age),
    )


def _size() -> Metric:
    """Bytes on the disk; of SQLite also those of its log, which is written over and not cut."""
    size = GaugeMetricFamily("ade_db_bytes", "What the database takes.", labels=["part"])
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_database_size(current_database())")
            size.add_metric(["data"], cursor.fetchone()[0])
        return size
    for part, ending in (("data", ""), ("log", "-wal")):
        with suppress(OSError):  # in memory, or without a log
            size.add_metric(
                [part], Path(f"{connection.settings_dict['NAME']}{ending}").stat().st_size
            )
    return size
