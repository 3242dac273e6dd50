"""Suggest tags while one is typed."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from agents.core.actors import Actor
from agents.core.errors import NotFound
from agents.queries.agents import chips_as_added
from agents.queries.core.replica_reads import may_lag
from agents.queries.tags.machine import is_machine
from agents.queries.tags.suggestions import suggest as suggestions_for
from agents.views.core.actors import actor_of, find_agent

SUGGESTIONS = 10


@require_GET
@may_lag(actor_of)
def suggest(request: HttpRequest) -> HttpResponse:
    """The options of the add field: tags in use that contain the text."""
    actor = actor_of(request)
    typed = " ".join(request.GET.get("q", "").split())
    carried = _carried(actor, request.GET.get("agent", ""))
    users = "users" in request.GET
    found = suggestions_for(
        typed, actor=actor, limit=SUGGESTIONS, exclude=carried, added_last=True, users=users
    )
    context = {
        "typed": typed,
        "found": found,
        "rows": sorted(found.rows, key=lambda row: is_machine(row.name)),
        "prefix": request.GET.get("list", "tag-suggest"),
        "offer_new": bool(typed)
        and "known" not in request.GET
        and typed not in carried
        and all(row.name != typed for row in found.rows),
        "left": found.total - len(found.rows),
    }
    return render(request, "tags/suggestions.html", context)


def _carried(actor: Actor, agent_id: str) -> set[str]:
    """The agent's tags; none if it was deleted in the meantime, which adding a tag then reports."""
    try:
        agent = find_agent(actor, agent_id)
    except NotFound:
        return set()
    return {tag.name for tag in chips_as_added(agent.seq)}
