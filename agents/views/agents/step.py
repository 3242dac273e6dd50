"""Go from an agent to the next or the previous one of the list that it was opened from."""

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_safe

from agents.models import Agent
from agents.queries import agents
from agents.queries.agents.paging import position_of
from agents.views.core.actors import actor_of, find_agent
from agents.views.core.agent_list.address import list_of, url_of


@require_safe
def step(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Redirect to the agent after this one in the list at `?list=`; with `back=1` to the one before.

    At the end of the list, redirect to the list.
    """
    actor = actor_of(request)
    agent = find_agent(actor, agent_id)
    state, back = list_of(request), bool(request.GET.get("back"))
    here = position_of(agent.public_id, actor=actor, sort=state.sort)
    after, before = (None, here) if back else (here, None)
    found = agents.page(
        state.filter, actor=actor, sort=state.sort, size=1, after=after, before=before
    )
    other = Agent.objects.filter(seq__in=found.seqs).first()
    if other is None:
        messages.info(request, f"This was the {'first' if back else 'last'} agent of the list.")
        return HttpResponseRedirect(url_of(state.changed()))
    query = urlencode({"list": url_of(state.changed())})
    return HttpResponseRedirect(f"{other.get_absolute_url()}?{query}")
