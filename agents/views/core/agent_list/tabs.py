"""Saved views as tabs of the list of agents."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict

from agents.core.actors import Actor
from agents.domain.saved_views import first_views, pairs_of
from agents.models import SavedView
from agents.queries import agents
from agents.queries.agents import Count
from agents.queries.agents.address import ListState, parse, to_query

_MOST = 8  # tabs
_COUNTED = 1_000  # agents; a larger number is shown as "1,000+"


@dataclass(frozen=True, slots=True)
class Tab:
    """A saved view, whether the list shows it now, and how many agents it has, if counted."""

    view: SavedView
    current: bool
    count: Count | None = None


def tabs_context(state: ListState, actor: Actor, *, counted: bool = False) -> dict[str, Any]:
    """The first eight views that the actor may see, pinned ones first. Counting costs a query for each."""
    views = first_views(actor, _MOST + 1)
    here = to_query(state.changed())
    tabs = []
    for view in views[:_MOST]:
        wanted, _ = parse(QueryDict(urlencode(pairs_of(view))))
        count = None
        if counted:
            count = agents.capped_count(wanted.filter, actor=actor, most=_COUNTED)
        tabs.append(Tab(view, to_query(wanted.changed()) == here, count))
    return {
        "view_tabs": tabs,
        "more_views": len(views) > _MOST,
        "counted": counted,
        "all_agents": not here,
    }
