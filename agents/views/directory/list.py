"""The tag directory: search and sort labels or users, find look-alikes, export as CSV."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from ade.http import render_page
from agents.core.actors import Actor, Power
from agents.core.limits import SEARCH_LENGTH
from agents.core.tag_text import text_problem
from agents.queries import directory
from agents.queries.agents import Count
from agents.queries.core import bounds
from agents.queries.core.replica_reads import may_lag
from agents.queries.directory import FILTERS, SORTS, Wanted, lookalikes, some_lookalikes, tag_page
from agents.views.core.actors import actor_of
from agents.views.core.csv_response import csv_file
from agents.views.core.csv_text import csv_text
from agents.views.core.own_tags import own_tags_csv, own_tags_page

_SIZE = 50
_GROUPS = 25  # groups of look-alikes on a page
_SORTS = {"use": "Most used", "name": "Name"}
_FILTERS = {"": "All", "unused": "Unused", "protected": "Protected"}


@require_safe
@may_lag(actor_of)
def tags(request: HttpRequest) -> HttpResponse:
    """A page of the tag directory."""
    actor = actor_of(request)
    wanted = _wanted(request)
    if actor.limited:
        return own_tags_page(request, actor, users=wanted.users)
    page = tag_page(
        wanted,
        actor=actor,
        size=_SIZE,
        after=request.GET.get("after"),
        before=request.GET.get("before"),
    )
    context = {
        "page": page,
        "most": directory.most_used(users=wanted.users) or 1,
        "may_manage": actor.can(Power.MANAGE),
        "nav": "tags",
        **_state(wanted),
        **_hint(actor),
        "older": page.after and _query(wanted, after=page.after),
        "newer": page.before and _query(wanted, before=page.before),
    }
    return render_page(request, "directory/list.html", context, fragment="results")


def _wanted(request: HttpRequest) -> Wanted:
    """The filter in the address; unknown values count as the default."""
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


def _hint(actor: Actor) -> dict[str, Any]:
    """Context: how many tags there are, and some that look alike. In a large directory, not all are read."""
    labels, users = (directory.count_tags(users=users, actor=actor) for users in (False, True))
    groups, more = some_lookalikes(actor=actor, size=_GROUPS)
    partly = labels.n + users.n > bounds.ALIKE
    return {
        "label_count": labels,
        "user_count": users,
        "groups": groups[:2],
        "group_count": Count(len(groups), not more and not partly),
        "partly": partly,
    }


@require_safe
@may_lag(actor_of)
def look_alikes(request: HttpRequest) -> HttpResponse:
    """Groups of tags that look alike, each with links to merge them."""
    actor = actor_of(request)
    after = request.GET.get("after", "")
    after = "" if text_problem(after) else after
    groups, more = lookalikes(actor=actor, size=_GROUPS, after=after or None)
    context = {
        "groups": groups,
        "older": more and urlencode([("after", more)]),
        "may_manage": actor.can(Power.MANAGE),
        "nav": "tags",
    }
    return render(request, "directory/lookalikes.html", context)


_HEAD = ["tag", "names_user", "protected", "description", "colour", "agents", "last_added", "by"]


@require_safe
def export(request: HttpRequest) -> HttpResponseBase:
    """All tags that match the filter, as CSV."""
    lines = _lines(_wanted(request), actor_of(request))
    return csv_file(request, f"tags-{timezone.now():%Y-%m-%d}.csv", lines)


def _lines(wanted: Wanted, actor: Actor) -> Iterator[str]:
    yield csv_text([_HEAD])
    if actor.limited:
        yield from own_tags_csv(actor, users=wanted.users, q=wanted.q)
        return
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
