"""What a list without a row offers instead: why it is empty, and the ways out."""

from dataclasses import dataclass, field

from agents import listing
from agents.actors import Actor
from agents.filterparse import TAG_PARTS, ListState, to_query
from agents.filters import AgentFilter
from agents.listing import Count
from agents.listing.suggestions import Suggestion, nearest
from agents.models import Agent
from agents.views.list_words import Part, other_parts, tag_parts

# Each way out is counted, which costs as much as another list.
_MOST = 8


@dataclass(frozen=True, slots=True)
class WayOut:
    """A part of the filter, and how many agents there are without it."""

    part: Part
    count: Count


@dataclass(frozen=True, slots=True)
class Unknown:
    """A tag that no agent carries, and the lists with one that was perhaps meant."""

    name: str
    instead: list[tuple[Suggestion, str]]


@dataclass(frozen=True, slots=True)
class Empty:
    """Why there is no row: there is no agent at all, the page is past the end, or none fits."""

    no_agents: bool = False
    first_page: str | None = None
    unknown: list[Unknown] = field(default_factory=list)
    ways: list[WayOut] = field(default_factory=list)


def ways_out(state: ListState, actor: Actor) -> Empty:
    """The ways out of an empty list. Its cost grows with the parts of the filter, up to a bound."""
    if state.after or state.before:
        return Empty(first_page=to_query(state.changed()))
    if state.filter.is_empty:
        return Empty(no_agents=not Agent.objects.visible_to(actor).exists())
    parts = [*tag_parts(state), *other_parts(state)][:_MOST]
    ways = [WayOut(part, listing.capped_count(part.left.filter, actor=actor)) for part in parts]
    return Empty(unknown=_unknown(state, actor), ways=ways)


def _unknown(state: ListState, actor: Actor) -> list[Unknown]:
    wanted = [(part, name) for part in TAG_PARTS[:2] for name in getattr(state, part)][:_MOST]
    return [
        Unknown(name, [(row, to_query(_with(state, part, name, row.name))) for row in found])
        for part, name in wanted
        if not listing.capped_count(AgentFilter(any=(name,)), actor=actor, most=1).n
        for found in [nearest(name, actor=actor)]
    ]


def _with(state: ListState, part: str, name: str, other: str) -> ListState:
    """The list with another tag in the place of one."""
    names = dict.fromkeys(other if one == name else one for one in getattr(state, part))
    return state.changed(**{part: tuple(names)})
