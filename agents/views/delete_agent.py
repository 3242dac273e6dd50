"""Deleting an agent: for good, and only by who has typed its name."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from ade.http import see_other
from agents.actors import Power
from agents.domain.agents import delete_agent
from agents.errors import Invalid
from agents.forms import DeleteForm
from agents.listing import chips
from agents.models import AgentBlock
from agents.views.access import actor_of, find_agent


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Say what deleting it takes away, and ask for its name; delete it."""
    actor = actor_of(request)
    agent = find_agent(actor, agent_id)
    actor.require(Power.WRITE, "delete agents")
    form = DeleteForm(agent, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            delete_agent(agent_id=agent_id, actor=actor, reason=form.cleaned_data["reason"])
        except Invalid as error:
            form.refuse(error)
        else:
            return see_other(reverse("agent", args=[agent_id]))  # what is left of it
    context: dict[str, Any] = {
        "agent": agent,
        "form": form,
        "tags": chips([agent.seq]).get(agent.seq, []),
        "blocks": AgentBlock.objects.filter(agent=agent).count(),
        "nav": "agents",
    }
    return render(request, "agents/delete.html", context, status=422 if form.errors else 200)
