"""The trash: deleted agents, which can be restored or deleted for good."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from ade.http import see_other
from agents.core.actors import Actor, Power
from agents.core.errors import Conflict, Invalid, NotFound
from agents.core.tag_text import shown
from agents.domain.agents.trash import purge
from agents.domain.sources.deletion.restore import restore
from agents.forms import text_of
from agents.queries.agents.trash import trash_page
from agents.views.core.actors import actor_of
from agents.views.core.tag_warnings import warn_of_second_owners

_SIZE = 50


@require_http_methods(["GET", "HEAD", "POST"])
def trash(request: HttpRequest) -> HttpResponse:
    """A page of the trash, newest first. A post restores or deletes the ticked agents."""
    actor = actor_of(request)
    if request.method != "POST":
        return _page(request, actor)
    actor.require(Power.WRITE, "restore agents")
    ids = list(dict.fromkeys(request.POST.getlist("agent")))
    act = text_of(request.POST, "act")
    if not ids:
        return _page(request, actor, "Tick at least one agent first.", status=422)
    try:
        if act == "restore":
            return _restore(request, actor, ids)
        if act == "purge":
            return _purge(request, actor, ids)
    except (Invalid, Conflict, NotFound) as error:
        return _page(request, actor, error.message, ids, status=error.status)
    return _page(request, actor, "Choose what to do with the ticked agents.", ids, status=422)


def _restore(request: HttpRequest, actor: Actor, ids: list[str]) -> HttpResponse:
    with warn_of_second_owners(request):
        back = restore(agent_ids=ids, actor=actor)
    if back.failed:
        problem = "; ".join(f"{agent_id}: {why}" for agent_id, why in back.failed.items())
        restored = f"{len(back.agents)} of {len(ids)} agents were restored. "
        return _page(request, actor, restored + problem, list(back.failed), status=503)
    if len(back.agents) == 1:
        messages.success(request, f"{shown(back.agents[0].name)} was restored.")
        return see_other(back.agents[0].get_absolute_url())
    messages.success(request, f"{len(back.agents)} agents were restored.")
    return see_other(reverse("trash"))


def _purge(request: HttpRequest, actor: Actor, ids: list[str]) -> HttpResponse:
    """Ask once more, then delete for good."""
    actor.require(Power.MANAGE, "delete agents for good")
    if text_of(request.POST, "sure") != "yes":
        return _page(request, actor, ids=ids, ask=True)
    number = purge(agent_ids=ids, actor=actor)
    agents = "1 agent was" if number == 1 else f"{number} agents were"
    messages.success(request, f"{agents} deleted for good.")
    return see_other(reverse("trash"))


def _page(
    request: HttpRequest,
    actor: Actor,
    problem: str = "",
    ids: list[str] | None = None,
    *,
    ask: bool = False,
    status: int = 200,
) -> HttpResponse:
    page = trash_page(actor=actor, size=_SIZE, after=text_of(request.GET, "after"))
    context = {
        "page": page,
        "ticked": ids or [],
        "problem": problem,
        "ask": ask,
        "days": settings.TRASH_DAYS,
        "older": page.after and urlencode({"after": page.after}),
        "may_restore": actor.can(Power.WRITE),
        "may_purge": actor.can(Power.MANAGE),
        "nav": "agents",
    }
    return render(request, "agents/trash.html", context, status=status)
