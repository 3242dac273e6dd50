"""Suggestions while a tag is typed."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from agents.listing import chips_as_added
from agents.listing.suggestions import suggest as suggestions_for
from agents.views.access import actor_of, find_agent

SUGGESTIONS = 10


@require_GET
def suggest(request: HttpRequest) -> HttpResponse:
    """The options of the add field: tags in use that hold the text."""
    actor = actor_of(request)
    typed = " ".join(request.GET.get("q", "").split())
    found = suggestions_for(typed, actor=actor, limit=SUGGESTIONS)
    agent_id = request.GET.get("agent")
    carried: set[str] = set()
    if agent_id:
        agent = find_agent(actor, agent_id)
        carried = {tag.name for tag in chips_as_added(agent.seq)}
    context = {
        "typed": typed,
        "found": found,
        "carried": carried,
        "prefix": request.GET.get("list", "tag-suggest"),
        "offer_new": bool(typed)
        and "known" not in request.GET
        and all(row.name != typed for row in found.rows),
        "left": found.total - len(found.rows),
    }
    return render(request, "components/suggestions.html", context)
