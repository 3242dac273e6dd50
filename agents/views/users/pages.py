"""The users of the application: the list, one user, and assigning agents to a user."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from ade.http import render_page, see_other, wants_fragment
from agents.core.actors import Actor, Power
from agents.core.errors import DomainError, NotAllowed, NotFound
from agents.core.filters import AgentFilter
from agents.core.json_text import dumps
from agents.core.limits import SEARCH_LENGTH
from agents.core.lookalikes import lookalike_key
from agents.core.tag_text import problem, text_problem
from agents.domain.core.tag_rules import names_a_user
from agents.domain.users import assign as assign_agents
from agents.domain.users import count_with_other_user
from agents.forms import AssignForm, text_of
from agents.models import Agent, Tag
from agents.queries import agents
from agents.queries.access.now import access_to_tag, may_see_access
from agents.queries.agents.address import ListState, parse
from agents.queries.core.replica_reads import may_lag
from agents.queries.directory import alike, count_tags
from agents.queries.history.change_sets import HistoryFilter, history_page
from agents.queries.tags.links import user_link, where_went
from agents.queries.tags.suggestions import nearest
from agents.queries.users import LOOKED, SORTS, user_facts, user_page
from agents.tasks.user_changes import ask_to_note
from agents.views.core.actors import actor_of
from agents.views.core.agent_list.address import url_of
from agents.views.core.agent_list.context import list_context, render_list, typed_tag
from agents.views.core.history_words import shown_sets
from agents.views.core.own_tags import own_tags_page
from agents.views.core.tag_warnings import warn_about
from agents.views.core.watching import watch_context

_SIZE = 50
_FEW = 10
_SORTS = {
    "name": "Name",
    "use": "Most agents",
    "changed": "Agents last changed",
    "used": "Last used",
}


@require_safe
@may_lag(actor_of)
def users(request: HttpRequest) -> HttpResponse:
    """A page of the users, sorted by name or use, or those that start with the search text."""
    actor = actor_of(request)
    if actor.limited:
        return own_tags_page(request, actor, users=True)
    q = request.GET.get("q", "").strip()
    q = "" if text_problem(q) or len(q) > SEARCH_LENGTH else q
    sort = request.GET.get("sort", "name")
    sort = sort if sort in SORTS and not q else "name"
    if sort == "changed":
        ask_to_note()
    page = user_page(
        actor=actor,
        q=q,
        sort=sort,
        size=_SIZE,
        after=_place(request, "after"),
        before=_place(request, "before"),
    )
    kept = [(name, value) for name, value in (("q", q), ("sort", sort)) if value != "name"]
    context = {
        "page": page,
        "q": q,
        "sort": sort,
        "search_label": "Start of the tag or ID",
        "choices": [("sort", "Sort", sort, _SORTS)],
        "older": page.after and urlencode([*kept, ("after", page.after)]),
        "newer": page.before and urlencode([*kept, ("before", page.before)]),
        "user_count": count_tags(users=True, actor=actor),
        "userless": agents.capped_count(AgentFilter(userless=True, visible=True), actor=actor),
        "two_users": agents.capped_count(AgentFilter(two_users=True, visible=True), actor=actor),
        "nav": "users",
    }
    return render_page(request, "users/list.html", context, fragment="results")


def _place(request: HttpRequest, name: str) -> str | None:
    text = request.GET.get(name, "")
    return None if not text or text_problem(text) else text


@require_http_methods(["GET", "HEAD", "POST"])
def user(request: HttpRequest) -> HttpResponse:
    """One user: agents, history and API requests; a post assigns agents."""
    actor = actor_of(request)
    data = request.POST if request.method == "POST" else request.GET
    name = text_of(data, "name") or ""
    if problem(name):
        raise NotFound("There is no such user.")
    state, notices = parse(request.GET, locked=name)
    if request.method == "POST":
        return _assign(request, state, actor)
    return typed_tag(request, state, notices) or _page(request, state, notices, actor, AssignForm())


def _assign(request: HttpRequest, state: ListState, actor: Actor) -> HttpResponse:
    """Assign existing agents to the user."""
    actor.require(Power.WRITE, "change tags")
    form = AssignForm(request.POST)
    if form.is_valid():
        try:
            done = assign_agents(name=state.locked, agent_ids=form.ids(), actor=actor)
        except NotAllowed:
            raise
        except DomainError as error:
            if error.field == "name":
                raise NotFound("There is no such user.") from error
            form.refuse(error)
        else:
            said = (
                "These agents already belong to the user." if done is None else "Agents assigned."
            )
            messages.success(request, said)
            ids = Agent.objects.visible_to(actor).filter(public_id__in=form.ids())
            seqs = list(ids.values_list("seq", flat=True))
            warn_about(request, seqs, actor, names=[state.locked])
            return see_other(url_of(state))
    return _page(request, state, [], actor, form, status=422)


def _page(
    request: HttpRequest,
    state: ListState,
    notices: list[str],
    actor: Actor,
    form: AssignForm,
    *,
    status: int = 200,
) -> HttpResponse:
    name = state.locked
    context: dict[str, Any] = {"nav": "users"}
    if not wants_fragment(request):
        tag = _seen_tag(name, actor)
        if tag is None or not tag.n:
            found = _unknown(name, actor, tag)
            return render(request, "users/unknown.html", found, status=200 if tag else 404)
        context |= _about(request, tag, actor) | {"form": form}
    context |= list_context(request, state, notices, actor)
    return render_list(request, "users/user.html", state, context, status=status)


def _seen_tag(name: str, actor: Actor) -> Tag | None:
    """The tag, with the number of agents that the actor may see; for a limited one, only if there are any."""
    tag = Tag.objects.filter(name=name).first()
    if tag is None or not actor.limited:
        return tag
    tag.n = agents.capped_count(AgentFilter(any=(name,)), actor=actor).n
    return tag if tag.n else None


def _about(request: HttpRequest, tag: Tag, actor: Actor) -> dict[str, Any]:
    """Context of the page besides the list."""
    if actor.limited:
        about: dict[str, Any] = {"shared": _shared(tag, actor)}
    else:
        history = history_page(HistoryFilter(tag=tag.name), actor=actor, size=_FEW)
        about = _access(tag, actor) | {
            "shared": count_with_other_user(tag),
            "sets": shown_sets(history.rows, actor),
            "alike": alike(tag.name, tag.lookalike),
        }
    return about | {
        **watch_context(tag.name, actor),
        "tag": tag,
        "link": user_link(tag.name),
        "facts": user_facts(tag, actor=actor),
        "facts_of": LOOKED,
        "whole": not actor.limited,
        "calls": _calls(request, tag.name),
        "may_manage": actor.can(Power.MANAGE) and not actor.limited,
    }


def _access(tag: Tag, actor: Actor) -> dict[str, Any]:
    """Who may touch the user's agents, for those who may know."""
    if not may_see_access(actor):
        return {}
    return {
        "access": access_to_tag(tag),
        "access_url": f"{reverse('access-tag')}?{urlencode({'name': tag.name})}",
        "may_open": actor.can(Power.ADMIN),
    }


def _shared(tag: Tag, actor: Actor) -> int:
    """How many of the tag's agents that a limited actor may see have another user too."""
    wanted = AgentFilter(all=(tag.name,), two_users=True)
    return agents.capped_count(wanted, actor=actor).n


def _unknown(name: str, actor: Actor, tag: Tag | None) -> dict[str, Any]:
    similar = [] if actor.limited else alike(name, lookalike_key(name))
    known = {one.name for one in similar}
    return {
        "name": name,
        "tag": tag,
        "link": user_link(name),
        "went": None if actor.limited else where_went(name),
        "alike": [*similar, *(one for one in nearest(name, actor=actor) if one.name not in known)],
        "may_write": actor.can(Power.WRITE),
        "is_user": names_a_user(name),
        "whole": not actor.limited,
        "may_see_access": may_see_access(actor),
        "nav": "users",
    }


def _calls(request: HttpRequest, name: str) -> list[tuple[str, str]]:
    """API requests for this user's agents, ready to copy. JSON quoting is valid in all three languages."""
    base = f"{request.scheme}://{request.get_host()}"
    query = urlencode({"tags": name})
    return [
        ("curl", f'curl "{base}/v1/agents/?{query}" -H "Authorization: Bearer $ADE_KEY"'),
        (
            "Python",
            (
                "import os\nfrom letta_client import Letta\n\n"
                f'client = Letta(base_url="{base}", api_key=os.environ["ADE_KEY"])\n'
                f"agents = client.agents.list(tags=[{dumps(name)}])"
            ),
        ),
        (
            "TypeScript",
            (
                'import Letta from "@letta-ai/letta-client";\n\n'
                f'const client = new Letta({{ baseURL: "{base}", apiKey: process.env.ADE_KEY }});\n'
                f"const agents = await client.agents.list({{ tags: [{dumps(name)}] }});"
            ),
        ),
    ]
