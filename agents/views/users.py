"""The users of the application: who there is, one of them, agents assigned to one."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from ade.http import render_page, see_other
from agents import listing
from agents.actors import Actor, Power
from agents.domain.tagrows import names_a_user
from agents.domain.users import assign as assign_agents
from agents.domain.users import count_together
from agents.errors import DomainError, NotAllowed, NotFound
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
from agents.views.list_rows import shown_rows

_SIZE = 50
_FEW = 10


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
        "sort": sort,
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


@require_safe
def user(request: HttpRequest) -> HttpResponse:
    """One user: the agents, the history, the calls, and what can be done."""
    return _page(request, text_of(request.GET, "name") or "", AssignForm())


@require_POST
def assign(request: HttpRequest) -> HttpResponse:
    """Give agents that there are to the user."""
    actor = actor_of(request)
    actor.require(Power.WRITE, "change tags")
    name = text_of(request.POST, "name") or ""
    form = AssignForm(request.POST)
    if form.is_valid():
        try:
            done = assign_agents(name=name, agent_ids=form.ids(), actor=actor)
        except NotAllowed:
            raise
        except DomainError as error:
            if error.field == "name":
                raise NotFound("There is no such user.") from error
            form.refuse(error)
        else:
            said = "They carry it already." if done is None else "Assigned."
            messages.success(request, said)
            return see_other(f"{reverse('user')}?{urlencode({'name': name})}")
    return _page(request, name, form, status=422)


def _page(request: HttpRequest, name: str, form: AssignForm, *, status: int = 200) -> HttpResponse:
    actor = actor_of(request)
    if problem(name):
        raise NotFound("There is no such user.")
    tag = Tag.objects.filter(name=name).first()
    if tag is None or not tag.n:
        found = _unknown(name, actor, tag)
        return render(request, "users/unknown.html", found, status=200 if tag else 404)
    page = listing.page(AgentFilter(any=(name,)), actor=actor, size=_FEW)
    history = history_page(HistoryFilter(tag=name), actor=actor, size=_FEW)
    context: dict[str, Any] = {
        "tag": tag,
        "facts": user_facts(tag, actor=actor),
        "looked": LOOKED,
        "together": count_together(tag),
        "rows": shown_rows(listing.rows(page.seqs), urlencode({"any": name})),
        "more": page.older,
        "sets": shown_sets(history.rows, actor),
        "older": history.older,
        "alike": alike(name, tag.lookalike),
        "form": form,
        "calls": _calls(request, name),
        "may_write": actor.can(Power.WRITE),
        "may_manage": actor.can(Power.MANAGE),
        "nav": "users",
    }
    return render(request, "users/user.html", context, status=status)


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
