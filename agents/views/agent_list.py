"""The list of agents. Its whole state stands in the address: see agents.filterparse."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from ade.http import wants_fragment
from agents.actors import Actor
from agents.domain.views import find_view, pairs_of, visible_views
from agents.filterparse import parse
from agents.lagging import may_lag
from agents.views.access import actor_of
from agents.views.list_page import list_context, render_list, typed_tag


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
        context["pinned_views"] = visible_views(actor).filter(pinned=True)
    return render_list(request, "agents/list.html", state, context)


def _url_of_view(slug: str, actor: Actor) -> str:
    """Where a saved view is: the address that it stands for."""
    return f"{reverse('agents')}?{urlencode(pairs_of(find_view(slug, actor=actor)))}"
