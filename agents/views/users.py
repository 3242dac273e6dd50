"""The users of the application: who there is, one of them, agents assigned to one."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_safe

from ade.http import render_page, see_other, wants_fragment
from agents import listing
from agents.actors import Actor, Power
from agents.domain.tagrows import names_a_user
from agents.domain.users import assign as assign_agents
from agents.domain.users import count_together
from agents.errors import DomainError, NotAllowed, NotFound
from agents.filterparse import ListState, parse
from agents.filters import AgentFilter
from agents.forms import AssignForm, text_of
from agents.jsontext import dumps
from agents.lagging import may_lag
from agents.limits import SEARCH_LENGTH
from agents.listing.directory import alike, of_kind
from agents.listing.history import HistoryFilter, history_page
from agents.listing.suggestions import nearest
from agents.listing.users import LOOKED, user_facts, user_page
from agents.models import Tag
from agents.tagnames import lookalike_key, problem, text_problem
from agents.views.access import actor_of
from agents.views.history_words import shown_sets
from agents.views.list_page import list_context, render_list, typed_tag
from agents.views.list_place import url_of

_SIZE = 50
_FEW = 10
_SORTS = {"name": "Name", "use": "Most agents"}


@require_safe
@may_lag(actor_of)
def users(request: HttpRequest) -> HttpResponse:
    """A page of the users, by name or by use, or those that begin with what was typed."""
    actor = actor_of(request)
    q = request.GET.get("q", "").strip()
    q = "" if text_problem(q) or len(q) > SEARCH_LENGTH else q
    sort = "use" if request.GET.get("sort") == "use" and not q else "name"
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
        "search_label": "Beginning of the tag or ID",
        "choices": [("sort", "Sort", sort, _SORTS)],
        "older": page.after and urlencode([*kept, ("after", page.after)]),
        "newer": page.before and urlencode([*kept, ("before", page.before)]),
        "user_count": of_kind(users=True).count(),
        "userless": listing.capped_count(AgentFilter(userless=True), actor=actor),
        "two_users": listing.capped_count(AgentFilter(two_users=True), actor=actor),
        "nav": "users",
    }
    return render_page(request, "users/list.html", context, fragment="results")


def _place(request: HttpRequest, name: str) -> str | None:
    text = request.GET.get(name, "")
    return None if not text or text_problem(text) else text


@require_http_methods(["GET", "HEAD", "POST"])
def user(request: HttpRequest) -> HttpResponse:
    """One user: the agents, the history, the calls, and what can be done; a post assigns agents."""
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
    """Give agents that there are to the user."""
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
            said = "They carry it already." if done is None else "Assigned."
            messages.success(request, said)
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
        tag = Tag.objects.filter(name=name).first()
        if tag is None or not tag.n:
            found = _unknown(name, actor, tag)
            return render(request, "users/unknown.html", found, status=200 if tag else 404)
        context |= _about(request, tag, actor) | {"form": form}
    context |= list_context(request, state, notices, actor)
    return render_list(request, "users/user.html", state, context, status=status)


def _about(request: HttpRequest, tag: Tag, actor: Actor) -> dict[str, Any]:
    """What the page says besides the list."""
    history = history_page(HistoryFilter(tag=tag.name), actor=actor, size=_FEW)
    return {
        "tag": tag,
        "facts": user_facts(tag, actor=actor),
        "facts_of": LOOKED,
        "shared": count_together(tag),
        "sets": shown_sets(history.rows, actor),
        "alike": alike(tag.name, tag.lookalike),
        "calls": _calls(request, tag.name),
        "may_manage": actor.can(Power.MANAGE),
    }


def _unknown(name: str, actor: Actor, tag: Tag | None) -> dict[str, Any]:
    similar = alike(name, lookalike_key(name))
    known = {one.name for one in similar}
    return {
        "name": name,
        "tag": tag,
        "alike": [*similar, *(one for one in nearest(name, actor=actor) if one.name not in known)],
        "may_write": actor.can(Power.WRITE),
        "is_user": names_a_user(name),
        "nav": "users",
    }


def _calls(request: HttpRequest, name: str) -> list[tuple[str, str]]:
    """The list of this user's agents as calls, ready to copy. Texts are quoted as JSON, which all
    three languages read."""
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
