"""Open the tag editor in a row of the agents list, and close it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET

from ade.accounts.looks import look_of
from ade.http import see_other, wants_fragment
from agents.queries.agents import rows
from agents.queries.agents.address import ListState
from agents.views.core.actors import actor_of, agent_not_found, find_agent
from agents.views.core.agent_list.address import state_at
from agents.views.core.agent_list.columns import style_of
from agents.views.core.agent_list.rows import tags_cell
from agents.views.core.tag_editor import EditorPage, editor_of


@require_GET
def row_editor(request: HttpRequest, agent_id: str) -> HttpResponse:
    """The editor that replaces the tags of a row; without htmx, the settings page."""
    actor = actor_of(request)
    agent = find_agent(actor, agent_id)
    if not wants_fragment(request):
        return see_other(reverse("agent-settings", args=[agent_id]) + "#tags")
    context = {"editor": editor_of(agent, actor, EditorPage(in_row=True)), "in_row": True}
    return _fragment(render(request, "tags/editor.html", context))


@require_GET
def row_tags(request: HttpRequest, agent_id: str) -> HttpResponse:
    """The tags of a row as the list shows them, after its editor was closed."""
    actor = actor_of(request)
    agent = find_agent(actor, agent_id)
    if not wants_fragment(request):
        return see_other(reverse("agents"))
    (row,) = rows([agent.seq]) or [agent_not_found(actor, agent_id)]
    cell = tags_cell(row, style_of(_list_of(request), look_of(request), actor))
    return _fragment(HttpResponse(cell))


def _list_of(request: HttpRequest) -> ListState:
    """The list that sent the request."""
    return state_at(request.headers.get("HX-Current-URL", ""))


def _fragment(response: HttpResponse) -> HttpResponse:
    patch_vary_headers(response, ["HX-Request"])
    return response
