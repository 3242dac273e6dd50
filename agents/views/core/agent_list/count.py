"""The number of agents of a list: counted a little with the page, and further after the rows."""

from typing import Any

from agents.core.actors import Actor
from agents.core.limits import EXACT_COUNT
from agents.queries import agents
from agents.queries.agents import Count, Lookups, Page
from agents.queries.agents.address import ListState, to_query
from agents.queries.core import bounds


def count_context(
    state: ListState, page: Page, lookups: Lookups, actor: Actor, *, exact: bool
) -> dict[str, Any]:
    """Context of agents/list_count.html within the page.

    Without JavaScript, the page shows a lower bound ("1,000+") and a link that counts exactly.
    """
    count = _count(state, page, lookups, actor, exact=exact)
    further = not count.exact and count.n < EXACT_COUNT
    return {
        "count": count,
        "exact": _exact(state),
        "count_further": to_query(state) if further else None,
    }


def _count(state: ListState, page: Page, lookups: Lookups, actor: Actor, *, exact: bool) -> Count:
    """How many agents match; if one page has them all, its rows are counted."""
    if not page.older and not page.newer and not (state.after or state.before):
        return Count(len(page.seqs), exact=True)
    if exact:
        return Count(agents.count(state.filter, actor=actor), exact=True)
    return agents.capped_count(
        state.filter, actor=actor, most=EXACT_COUNT, budget=bounds.GLANCED, lookups=lookups
    )


def further_context(state: ListState, actor: Actor) -> dict[str, Any]:
    """Context of agents/list_count.html for an answer that replaces the count of the page."""
    count = agents.capped_count(state.filter, actor=actor, most=EXACT_COUNT)
    return {"count": count, "exact": _exact(state)}


def _exact(state: ListState) -> str:
    """The query of the same page with the exact number."""
    return f"{to_query(state)}&count=exact".lstrip("&")
