"""The tag editor in a row of the agents list: opened in the place of the row's tags, and closed."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET

from ade.http import see_other, wants_fragment
from agents.actors import Power
from agents.filterparse import to_query
from agents.listing import rows
from agents.views.access import actor_of, find_agent, not_there
from agents.views.list_place import state_at
from agents.views.list_rows import shown_rows
from agents.views.tag_editor import Place, editor_of


@require_GET
def row_editor(request: HttpRequest, agent_id: str) -> HttpResponse:
    """The editor in a row of the list; without htmx, the page that has one."""
    actor = actor_of(request)
    agent = find_agent(actor, agent_id)
    if not wants_fragment(request):
        return see_other(reverse("agent-settings", args=[agent_id]) + "#tags")
    context = {"editor": editor_of(agent, actor, Place(in_row=True)), "in_row": True}
    return _fragment(request, "components/tag_editor.html", context)


@require_GET
def row_tags(request: HttpRequest, agent_id: str) -> HttpResponse:
    """A row's tags as the list shows them, when its editor closes."""
    actor = actor_of(request)
    agent = find_agent(actor, agent_id)
    if not wants_fragment(request):
        return see_other(reverse("agents"))
    (row,) = shown_rows(rows([agent.seq]), _filter_of(request)) or [not_there(actor, agent_id)]
    context = {"row": row, "may_write": actor.can(Power.WRITE), "closed": True}
    return _fragment(request, "agents/list_card.html#row-tags", context)


def _filter_of(request: HttpRequest) -> str:
    """The filter of the list that asks, written again from what can be read of its address."""
    return to_query(state_at(request.headers.get("HX-Current-URL", "")).changed())


def _fragment(request: HttpRequest, template: str, context: dict[str, object]) -> HttpResponse:
    response = render(request, template, context)
    patch_vary_headers(response, ["HX-Request"])
    return response
