"""An agent's summary, its first tab."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET, require_http_methods

from ade.http import render_page, see_other, wants_fragment
from agents.core.actors import Actor, Power
from agents.core.errors import Conflict, Invalid, SourceUnavailable
from agents.domain.sources.through import update_agent
from agents.forms import AboutForm
from agents.models import Agent
from agents.queries.access.now import access_to_agent, may_see_access
from agents.queries.agents import chips
from agents.queries.agents.sourced import at_of
from agents.queries.history.agent import recent_tag_changes
from agents.views.core.actors import actor_of, find_agent


@require_http_methods(["GET", "HEAD", "POST"])
def summary(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Show an agent, or with `?edit=about` a form for name and description; a post saves that form."""
    actor = actor_of(request)
    agent = find_agent(actor, agent_id)
    if request.method == "POST":
        return _save(request, agent, actor)
    form = None
    if request.GET.get("edit") == "about" and actor.can(Power.WRITE):
        form = AboutForm(initial=AboutForm.initial_of(agent))
    return _page(request, agent, actor, form)


@require_GET
def source_line(request: HttpRequest, agent_id: str) -> HttpResponse:
    """The line about the agent's source, which an open page asks for again and again.

    On the overview it brings the tags along. Without htmx it leads to the agent.
    """
    actor = actor_of(request)
    agent = find_agent(actor, agent_id)
    if not wants_fragment(request):
        return see_other(reverse("agent", args=[agent_id]))
    tab = "overview" if request.GET.get("tab") == "overview" else ""
    context = {"agent": agent, "polled": True, "tab": tab, **_tags_of(agent)}
    response = render(request, "agents/source_line.html#source-line", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _tags_of(agent: Agent) -> dict[str, Any]:
    """The tags as the overview shows them: which have not reached the agent's source, or not left it."""
    at = at_of(agent)  # before the tags, so that one that is just being added counts as waiting
    tags = chips([agent.seq]).get(agent.seq, [])
    if at is None:
        return {"at": None, "tags": tags}
    still_there = at.still_there(tag.name for tag in tags)
    return {"at": at, "tags": at.mark(tags), "still_there": still_there}


def _access(request: HttpRequest, agent: Agent, actor: Actor) -> dict[str, Any]:
    """Who may touch the agent, for those who may know."""
    if not may_see_access(actor):
        return {}
    return {
        "access": access_to_agent(agent),
        "access_url": reverse("agent-access", args=[agent.public_id]),
        "may_open": actor.can(Power.ADMIN),
    }


def _save(request: HttpRequest, agent: Agent, actor: Actor) -> HttpResponse:
    actor.require(Power.WRITE, "edit agents")
    form = AboutForm(request.POST, initial=AboutForm.initial_of(agent))
    status = 422
    if form.is_valid():
        try:
            agent = update_agent(agent_id=agent.public_id, edit=form.edit(), actor=actor)
        except (Invalid, Conflict, SourceUnavailable) as error:
            form.refuse(error)
            status = error.status
    if form.errors:
        return _page(request, agent, actor, form, status=409 if form.stale else status)
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
        **_tags_of(agent),
        "recent": recent_tag_changes(agent),
        **_access(request, agent, actor),
        "nav": "agents",
        "tab": "summary",
    }
    return render_page(request, "agents/summary.html", context, fragment="agent", status=status)
