"""The box of the header that leads to an agent, a user or a tag."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_safe

from agents import listing
from agents.actors import Actor
from agents.domain.tagrows import names_a_user
from agents.filters import AgentFilter
from agents.lagging import may_lag
from agents.limits import SEARCH_LENGTH
from agents.listing.suggestions import suggest
from agents.models import Agent
from agents.models.agents import short_id
from agents.tagnames import problem, text_problem
from agents.views.access import actor_of

_AGENTS = 5
_TAGS = 6
_ID_PREFIX = "agent-"


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere to go: the text that was looked for, and what it is."""

    url: str
    name: str
    note: str


@require_safe
def go(request: HttpRequest) -> HttpResponse:
    """On to what `?q=` names exactly (an agent's id, a tag, an agent's name), or to a search."""
    text = request.GET.get("q", "")
    place = _exact(text, actor_of(request)) or _exact(text.strip(), actor_of(request))
    search = f"?{urlencode({'q': text.strip()})}" if text.strip() else ""
    return HttpResponseRedirect(place or reverse("agents") + search)


@require_GET
@may_lag(actor_of)
def suggestions(request: HttpRequest) -> HttpResponse:
    """The options of the box: agents and tags that hold the text."""
    actor, typed = actor_of(request), request.GET.get("q", "").strip()
    places = [*_agents(typed, actor), *_tags(typed, actor)]
    context = {"places": places, "typed": typed, "prefix": request.GET.get("list", "go-options")}
    return render(request, "components/go_options.html", context)


def _exact(text: str, actor: Actor) -> str | None:
    if not text or text_problem(text):
        return None
    seen = Agent.objects.visible_to(actor)
    if seen.filter(public_id=text).exists():
        return reverse("agent", args=[text])
    if not problem(text):
        carried = listing.capped_count(AgentFilter(any=(text,)), actor=actor, most=1)
        if carried.n:
            return _tag_url(text)
    named = seen.filter(name=text)[:2]
    return named[0].get_absolute_url() if len(named) == 1 else None


def _agents(typed: str, actor: Actor) -> list[Place]:
    if not typed or text_problem(typed) or len(typed) > SEARCH_LENGTH:
        return []
    if typed.startswith(_ID_PREFIX):
        # By its first characters, along the index of the ids.
        seen = Agent.objects.visible_to(actor).filter(public_id__gte=typed)
        begin = seen.filter(public_id__lt=typed + "\U0010ffff").order_by("public_id")
        seqs = list(begin.values_list("seq", flat=True)[:_AGENTS])
    else:
        seqs = listing.page(AgentFilter(q=typed), actor=actor, size=_AGENTS).seqs
    rows = Agent.objects.in_bulk(seqs)
    return [
        Place(
            rows[seq].get_absolute_url(), rows[seq].name, f"agent · {short_id(rows[seq].public_id)}"
        )
        for seq in seqs
        if seq in rows
    ]


def _tags(typed: str, actor: Actor) -> list[Place]:
    found = suggest(typed, actor=actor, limit=_TAGS).rows if typed else []
    return [
        Place(
            _tag_url(row.name),
            row.name,
            f"{'user' if row.names_user else 'tag'} · {row.n:,} agent{'' if row.n == 1 else 's'}",
        )
        for row in found
    ]


def _tag_url(name: str) -> str:
    page = "user" if names_a_user(name) else "tag"
    return f"{reverse(page)}?{urlencode({'name': name})}"
