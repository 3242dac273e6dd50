"""Advanced Settings: an agent's tags, then its model, window, embedding and system prompt."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from ade.http import render_page, see_other, wants_fragment
from agents.actors import Power
from agents.domain.agents import update_agent
from agents.errors import BadRequest, Invalid
from agents.forms import SettingsForm
from agents.listing.feed import recent_tag_changes
from agents.listing.suggestions import suggest
from agents.models import Agent
from agents.views.access import actor_of, find_agent
from agents.views.tag_editor import Editor, Offer, editor_of

TEMPLATE = "agents/agent_settings.html"
_NOTE = "tag-note"
_KNOWN = 50


@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Show the settings, or one form of them with `?edit=model`; save that form."""
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
    editor = _with_note(request, editor_of(agent, actor))
    return settings_page(request, editor, **context)


@require_GET
def recent(request: HttpRequest, agent_id: str) -> HttpResponse:
    """The card of recent tag changes, asked for after each change."""
    agent = find_agent(actor_of(request), agent_id)
    if not wants_fragment(request):
        return see_other(reverse("agent-history", args=[agent_id]))
    context = {"agent": agent, "recent": recent_tag_changes(agent)}
    return render_page(request, "components/recent.html", context, fragment="recent")


def settings_page(
    request: HttpRequest, editor: Editor, *, status: int = 200, **context: Any
) -> HttpResponse:
    """The whole page around an editor."""
    page = {
        "agent": editor.agent,
        "editor": editor,
        "may_write": editor.may_write,
        "recent": recent_tag_changes(editor.agent),
        "known": suggest("", actor=actor_of(request), limit=_KNOWN).rows,
        "nav": "agents",
        "tab": "settings",
    }
    return render_page(request, TEMPLATE, page | context, fragment="model", status=status)


def keep_note(request: HttpRequest, editor: Editor) -> None:
    """Keep what to say until the page that follows a plain form's post."""
    offer = editor.offer
    request.session[_NOTE] = {
        "agent": editor.agent.public_id,
        "status": " ".join([editor.status, *editor.warnings]),
        "offer": [offer.change_set_id, offer.label, offer.of] if offer else None,
    }


def _with_note(request: HttpRequest, editor: Editor) -> Editor:
    note = request.session.get(_NOTE)
    if note and note["agent"] == editor.agent.public_id:
        del request.session[_NOTE]
        editor.note = note["status"]
        editor.offer = Offer(*note["offer"]) if note["offer"] else None
    return editor


def _save(request: HttpRequest, agent: Agent) -> HttpResponse:
    actor = actor_of(request)
    actor.require(Power.WRITE, "edit agents")
    form = SettingsForm(request.POST, initial=SettingsForm.initial_of(agent))
    if form.is_valid():
        try:
            agent = update_agent(agent_id=agent.public_id, edit=form.edit(), actor=actor)
        except (Invalid, BadRequest) as error:
            form.refuse(error)
    if form.errors:
        status = 409 if form.stale else 422
        return settings_page(request, editor_of(agent, actor), status=status, form=form)
    if wants_fragment(request):
        context = {"agent": agent, "form": None, "may_write": True, "saved": True}
        return render_page(request, TEMPLATE, context, fragment="model")
    return see_other(reverse("agent-settings", args=[agent.public_id]) + "#model")
