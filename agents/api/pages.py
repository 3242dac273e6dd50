"""How answers page through what they list."""

from agents import listing
from agents.actors import Actor
from agents.api.common import Span
from agents.errors import BadRequest
from agents.filters import Sort
from agents.listing import Position


def require_one_end(span: Span) -> None:
    """Raise BadRequest for a page with both ends."""
    if span.after and span.before:
        raise BadRequest("Give after or before, not both.")


def ends_of(span: Span, *, actor: Actor, sort: Sort) -> tuple[Position | None, Position | None]:
    """The places after which, or before which, a page of agents is. Raises BadRequest."""
    require_one_end(span)
    after, before = (
        listing.position_of(cursor, actor=actor, sort=sort) if cursor else None
        for cursor in (span.after, span.before)
    )
    return after, before
