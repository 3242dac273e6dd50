"""An agent's overview, and its JSON as the API gives it."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from ade.http import render_page, see_other, wants_fragment
from agents.actors import Actor, Power
from agents.domain.agents import update_agent
from agents.errors import Invalid
from agents.forms import AboutForm
from agents.listing import chips
from agents.listing.feed import recent_tag_changes
from agents.models import Agent
from agents.views.access import actor_of, find_agent


@require_http_methods(["GET", "HEAD", "POST"])
def overview(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Show what an agent is; with `?edit=about` its name and description as a form; save that."""
    actor = actor_of(request)
    agent = find_agent(actor, agent_id)
    if request.method == "POST":
        return _save(request, agent, actor)
    form = None
    if request.GET.get("edit") == "about" and actor.can(Power.WRITE):
        form = AboutForm(initial=AboutForm.initial_of(agent))
    return _page(request, agent, actor, form)


def _save(request: HttpRequest, agent: Agent, actor: Actor) -> HttpResponse:
    actor.require(Power.WRITE, "edit agents")
    form = AboutForm(request.POST, initial=AboutForm.initial_of(agent))
    if form.is_valid():
        try:
            agent = update_agent(agent_id=agent.public_id, edit=form.edit(), actor=actor)
        except Invalid as error:
            form.refuse(error)
    if form.errors:
        return _page(request, agent, actor, form, status=409 if form.stale else 422)
    if wants_fragment(request):
        return _page(request, agent, actor, None, saved=True)
    return see_other(reverse("agent", args=[agent.public_id]))


def _page(
    request: HttpRequest,
    agent: Agent,
    actor: Actor,
    form: AboutForm | None,
    *,
    status: int = 200,
    saved: bool = False,
) -> HttpResponse:
    context = {
        "agent": agent,
        "form": form,
        "saved": saved,
        "may_write": actor.can(Power.WRITE),
        "tags": chips([agent.seq]).get(agent.seq, []),
        "recent": recent_tag_changes(agent),
        "nav": "agents",
        "tab": "overview",
    }
    return render_page(
        request, "agents/agent_overview.html", context, fragment="agent", status=status
    )
