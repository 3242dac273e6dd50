"""Delete an agent after its name was typed."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from ade.http import see_other
from agents.core.actors import Power
from agents.core.errors import Conflict, Invalid, SourceUnavailable
from agents.domain.agents import trash
from agents.domain.sources.deletion.delete import delete_agent
from agents.forms import DeleteForm
from agents.models import AgentBlock
from agents.queries.agents import chips
from agents.views.core.actors import actor_of, find_agent


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Show what is deleted and ask for the agent's name; a post deletes it."""
    actor = actor_of(request)
    agent = find_agent(actor, agent_id)
    actor.require(Power.WRITE, "delete agents")
    form = DeleteForm(agent, request.POST if request.method == "POST" else None)
    status = 422
    if form.is_valid():
        try:
            delete_agent(agent_id=agent_id, actor=actor, reason=form.cleaned_data["reason"])
        except (Invalid, Conflict, SourceUnavailable) as error:
            form.refuse(error)
            status = error.status
        else:
            return see_other(reverse("agent", args=[agent_id]))  # shows its tombstone
    own = trash.count_own_blocks(agent)
    context: dict[str, Any] = {
        "agent": agent,
        "form": form,
        "tags": chips([agent.seq]).get(agent.seq, []),
        "own": own,
        "shared": AgentBlock.objects.filter(agent=agent).count() - own,
        "trash_days": settings.TRASH_DAYS,
        "nav": "agents",
    }
    return render(request, "agents/delete.html", context, status=status if form.errors else 200)
