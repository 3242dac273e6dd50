"""Advanced Settings: an agent's tags, then its model, context window, embedding and system prompt."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from ade.http import render_page, see_other, wants_fragment
from agents.core.actors import Power
from agents.core.errors import BadRequest, Conflict, Invalid, SourceUnavailable
from agents.domain.sources.through import update_agent
from agents.forms import SettingsForm
from agents.models import Agent
from agents.queries.history.agent import recent_tag_changes
from agents.views.core.actors import actor_of, find_agent, history_key
from agents.views.core.settings_page import TEMPLATE, settings_page
from agents.views.core.tag_editor import Offer, editor_of, stored_notices, stored_offer


@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Show the settings, or with `?edit=model` the form of the model; a post saves that form."""
    actor = actor_of(request)
    agent = find_agent(actor, agent_id)
    if request.method == "POST":
        return _save(request, agent)
    form = None
    if request.GET.get("edit") == "model" and actor.can(Power.WRITE):
        form = SettingsForm(initial=SettingsForm.initial_of(agent))
    context: dict[str, Any] = {"agent": agent, "form": form, "may_write": actor.can(Power.WRITE)}
    if wants_fragment(request):
        return render_page(request, TEMPLATE, context, fragment="model")
    editor = editor_of(agent, actor)
    if editor.may_write:
        editor.offer = _offer(request, agent)
        if editor.offer is not None and not editor.offer.is_redo:
            editor.notices = stored_notices(agent, editor.offer.change_set_id, actor)
    return settings_page(request, editor, **context)


@require_GET
def recent(request: HttpRequest, agent_id: str) -> HttpResponse:
    """The card of recent tag changes, which the page loads again after each change."""
    agent = find_agent(actor_of(request), agent_id)
    if not wants_fragment(request):
        return see_other(reverse("agent-history", args=[agent_id]))
    context = {"agent": agent, "recent": recent_tag_changes(agent)}
    return render_page(request, "components/recent.html", context, fragment="recent")


def _offer(request: HttpRequest, agent: Agent) -> Offer | None:
    """The undo button that the address names with `?undo=` or `?redo=`, after a plain form's post."""
    for name in ("undo", "redo"):
        if (change_set := history_key(request, name)) is not None:
            return stored_offer(agent, change_set, redo=name == "redo")
    return None


def _save(request: HttpRequest, agent: Agent) -> HttpResponse:
    actor = actor_of(request)
    actor.require(Power.WRITE, "edit agents")
    form = SettingsForm(request.POST, initial=SettingsForm.initial_of(agent))
    status = 422
    if form.is_valid():
        try:
            agent = update_agent(agent_id=agent.public_id, edit=form.edit(), actor=actor)
        except BadRequest as error:
            form.refuse(error)
        except (Invalid, Conflict, SourceUnavailable) as error:
            form.refuse(error)
            status = error.status
    if form.errors:
        status = 409 if form.stale else status
        return settings_page(request, editor_of(agent, actor), status=status, form=form)
    if wants_fragment(request):
        context = {"agent": agent, "form": None, "may_write": True, "saved": True}
        return render_page(request, TEMPLATE, context, fragment="model")
    return see_other(reverse("agent-settings", args=[agent.public_id]) + "#model")
