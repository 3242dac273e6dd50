"""Suggestions while a tag is typed."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from agents.actors import Actor
from agents.errors import NotFound
from agents.lagging import may_lag
from agents.listing import chips_as_added
from agents.listing.suggestions import suggest as suggestions_for
from agents.views.access import actor_of, find_agent

SUGGESTIONS = 10


@require_GET
@may_lag(actor_of)
def suggest(request: HttpRequest) -> HttpResponse:
    """The options of the add field: tags in use that hold the text."""
    actor = actor_of(request)
    typed = " ".join(request.GET.get("q", "").split())
    found = suggestions_for(typed, actor=actor, limit=SUGGESTIONS, added_last=True)
    carried = _carried(actor, request.GET.get("agent", ""))
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


def _carried(actor: Actor, agent_id: str) -> set[str]:
    """The agent's tags. One deleted while someone types has none; the add itself says what is up."""
    try:
        agent = find_agent(actor, agent_id)
    except NotFound:
        return set()
    return {tag.name for tag in chips_as_added(agent.seq)}
