"""Change which agents of a list are picked."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST

from ade.http import see_other, wants_fragment
from agents.core.actors import Power
from agents.core.agent_ids import is_agent_id
from agents.core.limits import EXACT_COUNT, PAGE_MOST
from agents.models import BulkOp
from agents.queries import agents
from agents.queries.agents.address import to_query
from agents.views.core.actors import actor_of
from agents.views.core.agent_list.address import state_at, url_of
from agents.views.core.agent_list.picked import Picked, bar_context, picked_of, store_picked

_ACTS = (BulkOp.ADD, BulkOp.REMOVE, BulkOp.REPLACE, BulkOp.MOVE, BulkOp.MODEL, BulkOp.DELETE)
_EXPORTS = {"export-csv": "agent-export", "export-zip": "agent-export-zip"}


@require_POST
def selection(request: HttpRequest) -> HttpResponse:
    """Store the ticked agents of a page. A button may pick all or none, or open a bulk change."""
    actor = actor_of(request)
    actor.require(Power.MANAGE, "change agents in bulk")
    state = state_at(request.POST.get("list", ""))
    # One field for all agents of the page instead of one each: no id contains a space.
    shown = _ids(" ".join(request.POST.getlist("shown")).split()[:PAGE_MOST])
    act = request.POST.get("act", "")
    ticked = _ids(request.POST.getlist("agent"))
    picked = _picked(picked_of(request, state), shown, ticked, act)
    store_picked(request, state, picked)
    if act in _ACTS:
        return _redirect(request, f"{reverse('bulk-new')}?{to_query(state.free)}&op={act}")
    if act in _EXPORTS and not picked.nothing:
        return _redirect(request, f"{reverse(_EXPORTS[act])}?{to_query(state.free)}&picked=1")
    if not wants_fragment(request):
        return see_other(url_of(state))
    context = bar_context(request, state, shown, actor)
    context["count"] = agents.capped_count(state.filter, actor=actor, most=EXACT_COUNT)
    return render(request, "agents/list_picked.html", context)


def _ids(texts: list[str]) -> list[str]:
    """Those that are ids of agents: the session stores them, and each request reads it."""
    return [text for text in texts if is_agent_id(text)]


def _picked(before: Picked, shown: list[str], ticked: list[str], act: str) -> Picked:
    if act == "all":
        return Picked(every=True)
    if act == "none":
        return Picked()
    return before.updated(shown, shown if act == "page" else ticked)


def _redirect(request: HttpRequest, url: str) -> HttpResponse:
    """Redirect to another page, whether the form was sent by htmx or not."""
    if not wants_fragment(request):
        return see_other(url)
    response = HttpResponse()
    response.headers["HX-Redirect"] = url
    return response
