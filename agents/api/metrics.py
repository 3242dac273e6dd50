"""/metrics: what Prometheus reads. For a key with manage scope, and for this machine without one."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from ade import runtime
from ade.metrics import REGISTRY
from agents.actors import Power
from agents.api.auth import KeyAuth, is_local
from agents.api.errors import refused, unauthorized
from agents.api.gauges import AtThisMoment
from agents.errors import DomainError, NotAllowed


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
    registry.register(AtThisMoment())
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
