"""Agents without an owner, and agents with two."""

from collections.abc import Iterator

from django.urls import reverse

from agents.core.actors import Actor
from agents.queries import agents
from agents.queries.agents.address import ListState, to_query
from agents.queries.overview.lines import Level, Line, plural
from agents.queries.overview.totals import Totals

_MOST = 1_000


def lines(actor: Actor, _totals: Totals | None) -> Iterator[Line]:
    """Agents that no user tag owns, and agents with two or more user tags."""
    wanted = (
        (ListState(userless=True), "without an owner", Level.WARNING),
        (ListState(two_users=True), "with two or more owners", Level.WARNING),
    )
    for state, words, level in wanted:
        count = agents.capped_count(state.filter, actor=actor, most=_MOST)
        text = f"{plural(count.n, 'agent')} {words}"
        url = f"{reverse('agents')}?{to_query(state)}"
        yield Line(count.n, text, url, level, more=not count.exact)
