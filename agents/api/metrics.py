"""/metrics: what Prometheus reads. For a key with manage scope, and for this machine without one."""

import platform
from collections.abc import Iterator

import django
from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from django_tasks_db.models import DBTaskResult
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from ade import runtime
from ade.metrics import REGISTRY
from ade.version import VERSION
from agents.actors import Power
from agents.api.auth import KeyAuth, is_local
from agents.api.errors import refused, unauthorized
from agents.errors import DomainError, NotAllowed
from agents.models import BulkPlan, BulkState


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """All that is measured, in Prometheus' text format."""
    try:
        if not is_local(request) and not _admitted(request):
            return unauthorized()
    except DomainError as error:
        return refused(request, error)
    registry = CollectorRegistry()
    if folder := runtime.folder():
        MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call]
    else:
        registry.register(REGISTRY)
    registry.register(_AtThisMoment())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _admitted(request: HttpRequest) -> bool:
    """True for a key with manage scope, False for none. Raises NotAllowed for another."""
    actor = KeyAuth()(request)
    if actor is None:
        return False
    actor.require(Power.MANAGE, "read the metrics")
    if actor.limit is not None:
        raise NotAllowed("A key that is limited to a tag reads no metrics.")
    return True


class _AtThisMoment(Collector):
    """What is not counted but looked up when it is asked for."""

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
            waiting = DBTaskResult.objects.ready().count()
            running = BulkPlan.objects.filter(state=BulkState.RUNNING).count()
        except (DatabaseError, InterfaceError):
            yield GaugeMetricFamily("ade_db_up", "1 if the database answers.", value=0)
            return
        yield GaugeMetricFamily("ade_db_up", "1 if the database answers.", value=1)
        yield GaugeMetricFamily(
            "ade_tasks_waiting", "Tasks that are due and no worker has taken.", value=waiting
        )
        yield GaugeMetricFamily(
            "ade_bulk_changes_running", "Bulk changes that have begun and not ended.", value=running
        )
