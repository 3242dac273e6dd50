"""An agent's history: who changed its tags and settings, when, from where and why; and undo."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from ade.http import render_page, see_other, wants_fragment
from agents.actors import Actor, Power
from agents.domain.undo import undo
from agents.listing.feed import feed
from agents.models import Agent
from agents.views.access import actor_of, change_set_of, find_agent, place_of
from agents.views.tag_editor import undo_in_words

_NOTE = "history-note"


@require_http_methods(["GET", "HEAD", "POST"])
def history(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Show a page of the history; a post takes one change-set back on this agent."""
    actor = actor_of(request)
    agent = find_agent(actor, agent_id)
    if request.method != "POST":
        note = request.session.get(_NOTE)
        if note and note["agent"] == agent_id:
            del request.session[_NOTE]
            return _page(request, agent, actor, said=note["said"])
        return _page(request, agent, actor)
    undone = undo(change_set_id=change_set_of(request), actor=actor, agent_id=agent_id)
    said = undo_in_words(undone)
    if wants_fragment(request):
        return _page(request, agent, actor, said=said)
    request.session[_NOTE] = {"agent": agent_id, "said": said}
    return see_other(reverse("agent-history", args=[agent_id]))


def _page(request: HttpRequest, agent: Agent, actor: Actor, *, said: str = "") -> HttpResponse:
    context = {
        "agent": agent,
        "feed": feed(agent, before=place_of(request, "before")),
        "said": said,
        "may_write": actor.can(Power.WRITE),
        "nav": "agents",
        "tab": "history",
    }
    return render_page(request, "agents/agent_history.html", context, fragment="history")
