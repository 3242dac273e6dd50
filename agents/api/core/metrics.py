"""/metrics for Prometheus. Needs a key with manage scope, except from this machine."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from ade.ops import runtime_folder
from ade.ops.metrics import REGISTRY
from agents.api.core.auth import KeyAuth, is_local
from agents.api.core.errors import refused, unauthorized
from agents.api.core.gauges import AtThisMoment
from agents.core.actors import Power
from agents.core.errors import DomainError


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Return all metrics in Prometheus' text format."""
    try:
        if not is_local(request) and not _admitted(request):
            return unauthorized()
    except DomainError as error:
        return refused(request, error)
    registry = CollectorRegistry()
    if folder := runtime_folder.folder():
        MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call]
    else:
        registry.register(REGISTRY)
    registry.register(AtThisMoment())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _admitted(request: HttpRequest) -> bool:
    """Return True for a key with manage scope, False without a key. Raises NotAllowed for others."""
    actor = KeyAuth()(request)
    if actor is None:
        return False
    actor.require(Power.MANAGE, "read the metrics")
    actor.require_sign_in("read the metrics through a proxy or from another machine")
    actor.require_unlimited("may not read the metrics")
    return True
