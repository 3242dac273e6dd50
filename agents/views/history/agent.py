"""An agent's history: who changed its tags and settings, when, from where and why; and undo."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from ade.http import render_page, see_other, wants_fragment
from agents.core.actors import Actor, Power
from agents.domain.core.numbers import shown_number
from agents.domain.history.undo import undo
from agents.domain.tags import second_owner
from agents.models import Act, Agent, ChangeSet, Tag
from agents.queries.history.agent import feed
from agents.queries.history.undo_plan import needs_review, undone_sets
from agents.views.core.actors import actor_of, change_set_of, find_agent, history_key
from agents.views.core.history_words import by_day
from agents.views.core.tag_editor import undo_in_words
from agents.views.core.tag_warnings import second_owners_in_words


@require_http_methods(["GET", "HEAD", "POST"])
def history(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Show a page of the history; a post undoes one change set on this agent."""
    actor = actor_of(request)
    agent = find_agent(actor, agent_id)
    if request.method != "POST":
        return _page(request, agent, actor)
    number = change_set_of(request)
    found = ChangeSet.objects.filter(id=number, changes__agent_id=agent_id).first()
    if (
        found is not None
        and "confirm" not in request.POST
        and actor.can(Power.WRITE)
        and needs_review(found, agent_id=agent_id)
    ):
        return _to_plan(request, number, agent_id)
    with second_owner.counting() as counted:
        undone = undo(change_set_id=number, actor=actor, agent_id=agent_id)
    said, second = undo_in_words(undone), second_owners_in_words(counted.number)
    if wants_fragment(request):
        return _page(request, agent, actor, said=f"{said} {second}".strip())
    messages.success(request, said)
    if second:
        messages.warning(request, second)
    return see_other(reverse("agent-history", args=[agent_id]))


def _undone(sets: list[ChangeSet], agent: Agent) -> dict[int, ChangeSet]:
    """What undid each of these on this agent. A rename has no agents."""
    renames = {one.id for one in sets if one.act == Act.RENAME}
    others = {one.id for one in sets} - renames
    return undone_sets(renames) | undone_sets(others, agent_id=agent.public_id)


def _to_plan(request: HttpRequest, number: int, agent_id: str) -> HttpResponse:
    shown = shown_number(number, actor_of(request))
    url = f"{reverse('change-set-undo', args=[shown])}?{urlencode({'agent': agent_id})}"
    if not wants_fragment(request):
        return see_other(url)
    response = HttpResponse()
    response.headers["HX-Redirect"] = url
    return response


def _page(request: HttpRequest, agent: Agent, actor: Actor, *, said: str = "") -> HttpResponse:
    found = feed(agent, before=history_key(request, "before"))
    for entry in found.entries:
        entry.change_set.number = shown_number(entry.change_set.id, actor)  # type: ignore[attr-defined]  # for the template
    names = {str(change.tag) for entry in found.entries for change in entry.changes if change.tag}
    context = {
        "agent": agent,
        "older": found.older and shown_number(found.older, actor),
        "days": by_day(found.entries),
        "known": {tag.name: tag for tag in Tag.objects.filter(name__in=names)},
        "undone": _undone([entry.change_set for entry in found.entries], agent),
        "said": said,
        "may_write": actor.can(Power.WRITE),
        "nav": "agents",
        "tab": "history",
    }
    return render_page(request, "history/agent.html", context, fragment="history")
