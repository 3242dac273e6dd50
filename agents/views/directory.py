"""The tag directory: labels or users, searched and sorted; look-alikes; the whole as CSV."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from ade.http import render_page
from agents.actors import Actor, Power
from agents.lagging import may_lag
from agents.limits import SEARCH_LENGTH
from agents.listing import directory
from agents.listing.directory import FILTERS, SORTS, Wanted, lookalikes, tag_page
from agents.tagnames import text_problem
from agents.views.access import actor_of
from agents.views.csvfiles import csv_file
from agents.views.csvtext import csv_text

_SIZE = 50
# Groups of look-alikes that a page shows, and that its hint in the directory counts.
_GROUPS = 25
_SORTS = {"use": "Most used", "name": "Name"}
_FILTERS = {"": "All", "unused": "Unused", "protected": "Protected"}


@require_safe
@may_lag(actor_of)
def tags(request: HttpRequest) -> HttpResponse:
    """A page of the directory that the address asks for."""
    actor = actor_of(request)
    wanted = _wanted(request)
    page = tag_page(
        wanted,
        actor=actor,
        size=_SIZE,
        after=request.GET.get("after"),
        before=request.GET.get("before"),
    )
    groups, more = lookalikes(actor=actor, users=wanted.users, size=_GROUPS)
    context = {
        "page": page,
        "most": directory.most_used(users=wanted.users) or 1,
        "groups": groups[:2],
        "group_count": f"{len(groups)}+" if more else str(len(groups)),
        "may_manage": actor.can(Power.MANAGE),
        "nav": "tags",
        **_state(wanted),
        **_counts(actor),
        "older": page.after and _query(wanted, after=page.after),
        "newer": page.before and _query(wanted, before=page.before),
    }
    return render_page(request, "tags/directory.html", context, fragment="results")


def _wanted(request: HttpRequest) -> Wanted:
    """What the address asks for; what it cannot mean is as usual."""
    data = request.GET
    q = data.get("q", "").strip()
    if text_problem(q) or len(q) > SEARCH_LENGTH:
        q = ""
    only, sort = data.get("only", ""), data.get("sort", "use")
    return Wanted(
        users=data.get("kind") == "users",
        q=q,
        only=only if only in FILTERS else "",
        sort=sort if sort in SORTS else "use",
    )


def _query(wanted: Wanted, **more: str) -> str:
    values = {
        "kind": "users" if wanted.users else "",
        "q": wanted.q,
        "only": wanted.only,
        "sort": wanted.sort if wanted.sort != "use" else "",
    }
    return urlencode([(key, value) for key, value in (values | more).items() if value])


def _state(wanted: Wanted) -> dict[str, Any]:
    labels = Wanted(False, wanted.q, wanted.only, wanted.sort)
    users = Wanted(True, wanted.q, wanted.only, wanted.sort)
    return {
        "wanted": wanted,
        "kinds": [
            ("Labels", _query(labels), not wanted.users),
            ("Users", _query(users), wanted.users),
        ],
        "q": wanted.q,
        "search_label": "Search tags",
        "choices": [
            ("only", "Which", wanted.only, _FILTERS),
            ("sort", "Sort", wanted.sort, _SORTS),
        ],
    }


def _counts(actor: Actor) -> dict[str, int]:
    labels, users = directory.counts(actor=actor)
    return {"label_count": labels, "user_count": users}


@require_safe
@may_lag(actor_of)
def look_alikes(request: HttpRequest) -> HttpResponse:
    """Groups of tags that a person may take for each other, each with a way to merge it."""
    actor = actor_of(request)
    users = request.GET.get("kind") == "users"
    after = request.GET.get("after", "")
    after = "" if text_problem(after) else after
    groups, more = lookalikes(actor=actor, users=users, size=_GROUPS, after=after or None)
    context = {
        "groups": groups,
        "users": users,
        "older": more and urlencode([("kind", "users"), ("after", more)][not users :]),
        "may_manage": actor.can(Power.MANAGE),
        "nav": "tags",
    }
    return render(request, "tags/lookalikes.html", context)


_HEAD = ["tag", "names_user", "protected", "description", "colour", "agents", "last_added", "by"]


@require_safe
def export(request: HttpRequest) -> HttpResponseBase:
    """The directory as the filter has it, whole, as CSV."""
    lines = _lines(_wanted(request), actor_of(request))
    return csv_file(request, f"tags-{timezone.now():%Y-%m-%d}.csv", lines)


def _lines(wanted: Wanted, actor: Actor) -> Iterator[str]:
    yield csv_text([_HEAD])
    after = None
    while True:
        page = tag_page(wanted, actor=actor, size=1000, after=after)
        yield csv_text(
            [
                tag.name,
                int(tag.names_user),
                int(tag.protected),
                tag.description,
                tag.colour,
                tag.n,
                tag.last_added_at and tag.last_added_at.isoformat(),
                tag.last_added_by,
            ]
            for tag in page.tags
        )
        after = page.after
        if after is None:
            return
