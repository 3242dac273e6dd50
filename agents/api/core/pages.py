"""Pagination of lists."""

from urllib.parse import urlencode

from django.http import HttpRequest

from agents.api.core.answers import Answer
from agents.api.core.common import Span
from agents.core.actors import Actor
from agents.core.filters import Sort
from agents.queries import agents
from agents.queries.agents import Position


def link_next(
    response: Answer, request: HttpRequest, cursor: str | int | None, *, name: str = "after"
) -> Answer:
    """Add `Link: <...>; rel="next"` unless this is the last page.

    `cursor` is the ID after which the next page starts, None on the last page. `name` is the parameter
    that takes it: `before` where the newest come first and the clients pass on what the page says.
    """
    if cursor is not None:
        query = dict(request.GET.lists())
        if name == "after" and "after" not in query:
            # This page ended before a cursor; the next starts after this page.
            query.pop("before", None)
        query[name] = [str(cursor)]
        address = request.build_absolute_uri(f"{request.path}?{urlencode(query, doseq=True)}")
        response.headers["Link"] = f'<{address}>; rel="next"'
    return response


def ends_of(span: Span, *, actor: Actor, sort: Sort) -> tuple[Position | None, Position | None]:
    """Return the positions after and before which to list agents. Raises BadRequest."""
    after, before = (
        agents.position_of(cursor, actor=actor, sort=sort) if cursor else None
        for cursor in (span.after, span.before)
    )
    return after, before
