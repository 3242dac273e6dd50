"""The address of a list of agents: of all agents, or of one user on the user's page."""

from typing import Any

from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from ade.http import parts_of
from agents.core.limits import QUERY_LENGTH
from agents.core.tag_text import problem
from agents.forms import text_of
from agents.queries.agents.address import ListState, parse, to_query


def url_of(state: ListState) -> str:
    """The address of a list."""
    query = to_query(state)
    return reverse("user" if state.locked else "agents") + (f"?{query}" if query else "")


def state_at(url: str) -> ListState:
    """The list at an address, as far as it can be read; the address may be forged."""
    parts = parts_of(url)
    data = QueryDict(parts.query)
    return list_in(data) if parts.path == reverse("user") else parse(data)[0]


def list_in(data: QueryDict) -> ListState:
    """The list that a query string describes; with `name` it is that of one user."""
    name = text_of(data, "name") or ""
    return parse(data, locked="" if problem(name) else name)[0]


def list_of(request: HttpRequest) -> ListState:
    """The list that an agent's page was opened from: its `list` parameter, or the page before.

    Without either, the list of all agents.
    """
    url = request.GET.get("list", "")
    if not url:
        before = parts_of(request.headers.get("Referer", ""))
        if before.path in (reverse("agents"), reverse("user")):
            url = f"{before.path}?{before.query}"
        elif before.path.startswith(reverse("agents")):
            url = QueryDict(before.query).get("list", "")
    return state_at(url[:QUERY_LENGTH])


def context(request: HttpRequest) -> dict[str, Any]:
    """Template context: the address of the list that an agent's page was opened from."""
    return {"opened_from": SimpleLazyObject(lambda: url_of(list_of(request)))}
