"""The list of agents. Its whole state stands in the address: see agents.queries.agents.address."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from ade.http import wants_fragment
from agents.core.actors import Actor
from agents.domain.saved_views import find_view, pairs_of
from agents.queries.agents.address import parse
from agents.queries.core.replica_reads import may_lag
from agents.views.core.actors import actor_of
from agents.views.core.agent_list.address import list_in
from agents.views.core.agent_list.context import list_context, render_list, typed_tag
from agents.views.core.agent_list.count import further_context
from agents.views.core.agent_list.tabs import tabs_context


@require_safe
@may_lag(actor_of)
def agents(request: HttpRequest) -> HttpResponse:
    """A page of the agents that the address asks for."""
    actor = actor_of(request)
    if slug := request.GET.get("view"):
        return HttpResponseRedirect(_url_of_view(slug, actor))
    state, notices = parse(request.GET)
    if lead := typed_tag(request, state, notices):
        return lead
    context = list_context(request, state, notices, actor) | {"nav": "agents"}
    if not wants_fragment(request):
        context |= tabs_context(state, actor)
    return render_list(request, "agents/list.html", state, context)


@require_safe
@may_lag(actor_of)
def count(request: HttpRequest) -> HttpResponse:
    """The number of agents of a list, counted further than its page does. Part of a page, for htmx."""
    state = list_in(request.GET)
    return render(request, "agents/list_count.html", further_context(state, actor_of(request)))


def _url_of_view(slug: str, actor: Actor) -> str:
    """Where a saved view is: the address that it stands for."""
    return f"{reverse('agents')}?{urlencode(pairs_of(find_view(slug, actor=actor)))}"
