"""Where a list of agents stands: with all agents, or on the page of the user it is locked to."""

from urllib.parse import urlsplit

from django.http import QueryDict
from django.urls import reverse

from agents.filterparse import ListState, parse, to_query
from agents.forms import text_of
from agents.tagnames import problem


def url_of(state: ListState) -> str:
    """The address of a list."""
    query = to_query(state)
    return reverse("user" if state.locked else "agents") + (f"?{query}" if query else "")


def state_at(url: str) -> ListState:
    """What can be read of a list's address, whoever sent it."""
    parts = urlsplit(url)
    data = QueryDict(parts.query)
    name = text_of(data, "name") or ""
    locked = name if parts.path == reverse("user") and not problem(name) else ""
    return parse(data, locked=locked)[0]
