"""The list of users or tags for a member who is limited to some agents."""

from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse

from ade.http import render_page
from agents.core.actors import Actor
from agents.core.limits import SEARCH_LENGTH
from agents.core.tag_text import text_problem
from agents.queries.core import bounds
from agents.queries.tags.own import own_tags
from agents.views.core.csv_text import csv_text

_SHOWN = 500


def own_tags_page(request: HttpRequest, actor: Actor, *, users: bool) -> HttpResponse:
    """The user tags, or the other tags, of the member's newest agents."""
    q = searched(request)
    found = own_tags(actor=actor, users=users, q=q)
    context = {
        "rows": found.rows[:_SHOWN],
        "cut": len(found.rows) > _SHOWN,
        "shown": _SHOWN,
        "partly": found.partly,
        "looked": bounds.OWN,
        "users": users,
        "q": q,
        "search_label": "Search users" if users else "Search tags",
        "nav": "users" if users else "tags",
    }
    return render_page(request, "directory/own.html", context, fragment="results")


def searched(request: HttpRequest) -> str:
    """The search text of the address; what no tag can contain counts as none."""
    q = request.GET.get("q", "").strip()
    return "" if text_problem(q) or len(q) > SEARCH_LENGTH else q


def own_tags_csv(actor: Actor, *, users: bool, q: str) -> Iterator[str]:
    """Yield the lines of the same list after the header: name, kind, protected, description, colour, agents."""
    yield csv_text(
        [row.name, int(row.names_user), int(row.protected), row.description, row.colour, row.n]
        for row in own_tags(actor=actor, users=users, q=q).rows
    )
