"""The list of agents."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from ade.http import render_page
from agents.listing import rows
from agents.models import Agent
from agents.views.access import actor_of


@require_GET
def agents(request: HttpRequest) -> HttpResponse:
    """The newest agents."""
    visible = Agent.objects.visible_to(actor_of(request))
    newest = list(visible.order_by("-seq").values_list("seq", flat=True)[:50])
    context = {"rows": rows(newest), "nav": "agents"}
    return render_page(request, "agents/list.html", context, fragment="results")
