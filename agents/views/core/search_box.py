"""The search box of the header: go to an agent, a user or a tag."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_safe

from agents.core.actors import Actor
from agents.core.filters import AgentFilter
from agents.core.limits import SEARCH_LENGTH
from agents.core.tag_text import fold, problem, text_problem
from agents.domain.core.tag_rules import names_a_user
from agents.models import Agent
from agents.models.agents import short_id
from agents.queries import agents
from agents.queries.core.replica_reads import may_lag
from agents.queries.tags.suggestions import suggest
from agents.views.core.actors import actor_of
from agents.views.core.commands import commands_for

_AGENTS = 5
_TAGS = 6
_COMMANDS = 5
_ID_PREFIX = "agent-"


@dataclass(frozen=True, slots=True)
class Target:
    """An agent, a user, a tag, a page or an action that the box offers; `note` says which."""

    url: str
    name: str
    note: str


@require_safe
def go(request: HttpRequest) -> HttpResponse:
    """Redirect to what `?q=` names exactly (an agent, a tag, a page, an action), else to a search.

    Without a text, show all pages and actions: the command palette as a page.
    """
    text, actor = request.GET.get("q", ""), actor_of(request)
    if not text.strip():
        return render(request, "go.html", {"commands": commands_for(actor)})
    place = _exact(text, actor) or _exact(text.strip(), actor)
    named = [
        command.url
        for command in commands_for(actor)
        if command.name.lower() == text.strip().lower()
    ]
    search = f"?{urlencode({'q': text.strip()})}"
    return HttpResponseRedirect(place or next(iter(named), reverse("agents") + search))


@require_GET
@may_lag(actor_of)
def suggestions(request: HttpRequest) -> HttpResponse:
    """The options of the box: agents and tags that contain the text."""
    actor, typed = actor_of(request), request.GET.get("q", "").strip()
    places = [*_commands(typed, actor), *_agents(typed, actor), *_tags(typed, actor)]
    context = {"places": places, "typed": typed, "prefix": request.GET.get("list", "go-options")}
    return render(request, "components/go_options.html", context)


def _exact(text: str, actor: Actor) -> str | None:
    if not text or text_problem(text):
        return None
    seen = Agent.objects.visible_to(actor)
    if seen.filter(public_id=text).exists():
        return reverse("agent", args=[text])
    if not problem(text):
        carried = agents.capped_count(AgentFilter(any=(text,)), actor=actor, most=1)
        if carried.n:
            return _tag_url(text)
    named = seen.filter(name=text)[:2]
    return named[0].get_absolute_url() if len(named) == 1 else None


def _commands(typed: str, actor: Actor) -> list[Target]:
    """Pages and actions whose name contains all typed words. Without a text, the first ones."""
    words = fold(typed[:SEARCH_LENGTH]).split()
    found = [
        command
        for command in commands_for(actor)
        if all(word in fold(command.name) for word in words)
    ]
    most = _COMMANDS if words else 2 * _COMMANDS
    return [Target(command.url, command.name, command.kind) for command in found[:most]]


def _agents(typed: str, actor: Actor) -> list[Target]:
    if not typed or text_problem(typed) or len(typed) > SEARCH_LENGTH:
        return []
    if typed.startswith(_ID_PREFIX):
        # By its first characters, along the index of the ids.
        seen = Agent.objects.visible_to(actor).filter(public_id__gte=typed)
        begin = seen.filter(public_id__lt=typed + "\U0010ffff").order_by("public_id")
        seqs = list(begin.values_list("seq", flat=True)[:_AGENTS])
    else:
        seqs = agents.page(AgentFilter(q=typed, visible=True), actor=actor, size=_AGENTS).seqs
    rows = Agent.objects.in_bulk(seqs)
    return [
        Target(
            rows[seq].get_absolute_url(), rows[seq].name, f"agent · {short_id(rows[seq].public_id)}"
        )
        for seq in seqs
        if seq in rows
    ]


def _tags(typed: str, actor: Actor) -> list[Target]:
    found = suggest(typed, actor=actor, limit=_TAGS).rows if typed else []
    return [
        Target(
            _tag_url(row.name),
            row.name,
            f"{'user' if row.names_user else 'tag'} · {row.n:,} agent{'' if row.n == 1 else 's'}",
        )
        for row in found
    ]


def _tag_url(name: str) -> str:
    page = "user" if names_a_user(name) else "tag"
    return f"{reverse(page)}?{urlencode({'name': name})}"
