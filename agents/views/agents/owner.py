"""Move an agent to a user, and mark it as meant to be shared."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from ade.http import see_other
from agents.core.actors import Power
from agents.core.errors import Invalid
from agents.core.tag_text import shown, tidy
from agents.domain.agents.shared import mark_shared, unmark_shared
from agents.domain.tags.edit import move_agent
from agents.forms import OwnerForm, SharedForm
from agents.models import Agent
from agents.queries.agents.owners import owners_of
from agents.views.core.actors import actor_of, find_agent
from agents.views.core.settings_page import back_to_tags
from agents.views.core.tag_editor import EditorPage, after_move


@require_http_methods(["GET", "HEAD", "POST"])
def owner(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Ask for the user; a post moves the agent and leads to its tags, where it can be undone."""
    actor = actor_of(request)
    agent = find_agent(actor, agent_id)
    actor.require(Power.WRITE, "change tags")
    form = OwnerForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        to, reason = tidy(form.cleaned_data["to"]), form.cleaned_data["reason"]
        try:
            result = move_agent(agent_id=agent_id, to=to, actor=actor, reason=reason)
        except Invalid as error:
            form.refuse(error)
        else:
            return back_to_tags(request, after_move(actor, result, to, EditorPage()))
    context = {"form": form, "owners": owners_of(agent.seq)}
    return _page(request, agent, "agents/owner.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def shared(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Ask why the agent is shared; a post sets the mark, or removes it."""
    actor = actor_of(request)
    agent = find_agent(actor, agent_id)
    actor.require(Power.MANAGE, "mark agents as meant to be shared")
    if "remove" in request.POST:
        unmark_shared(agent_id=agent_id, actor=actor)
        messages.success(request, f"{shown(agent.name)} is no longer marked as shared.")
        return see_other(reverse("agent", args=[agent_id]))
    form = SharedForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            mark_shared(agent_id=agent_id, reason=form.cleaned_data["reason"], actor=actor)
        except Invalid as error:
            form.refuse(error)
        else:
            messages.success(request, f"{shown(agent.name)} is marked as meant to be shared.")
            return see_other(reverse("agent", args=[agent_id]))
    return _page(request, agent, "agents/shared.html", {"form": form})


def _page(
    request: HttpRequest, agent: Agent, template: str, context: dict[str, Any]
) -> HttpResponse:
    context |= {"agent": agent, "may_write": True, "nav": "agents"}
    status = 422 if context["form"].errors else 200
    return render(request, template, context, status=status)
