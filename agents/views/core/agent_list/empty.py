"""What an empty list shows: why it is empty, and links to lists that are not."""

from dataclasses import dataclass, field

from agents.core.actors import Actor
from agents.core.filters import AgentFilter
from agents.models import Agent
from agents.queries import agents
from agents.queries.agents import Count
from agents.queries.agents.address import TAG_PARTS, ListState, to_query
from agents.queries.agents.typos import did_you_mean
from agents.queries.history.renames import Renames
from agents.queries.tags.suggestions import Suggestion, nearest
from agents.views.core.agent_list.words import Part, other_parts, tag_parts

# Each way out is counted, which costs as much as another list.
_MOST = 8


@dataclass(frozen=True, slots=True)
class WayOut:
    """A part of the filter, and how many agents match without it."""

    part: Part
    count: Count


@dataclass(frozen=True, slots=True)
class Unknown:
    """A tag that no agent has, and lists with similar tags."""

    name: str
    instead: list[tuple[Suggestion, str]]
    # The tag's name now, if it was renamed, and the list of its agents.
    renamed: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Empty:
    """Why the list is empty: no agents exist, the page is past the end, or none match."""

    no_agents: bool = False
    first_page: str | None = None
    unknown: list[Unknown] = field(default_factory=list)
    ways: list[WayOut] = field(default_factory=list)
    # A search that finds something, and its list.
    meant: tuple[str, str] | None = None


def ways_out(state: ListState, actor: Actor) -> Empty:
    """The ways out of an empty list. Its cost grows with the parts of the filter, up to a bound."""
    if state.after or state.before:
        return Empty(first_page=to_query(state.changed()))
    if state.filter.is_empty:
        return Empty(no_agents=not Agent.objects.visible_to(actor).exists())
    parts = [*tag_parts(state), *other_parts(state)][:_MOST]
    ways = [WayOut(part, agents.capped_count(part.left.filter, actor=actor)) for part in parts]
    return Empty(unknown=_unknown(state, actor), ways=ways, meant=_meant(state, actor))


def _meant(state: ListState, actor: Actor) -> tuple[str, str] | None:
    if not state.q or state.is_id or (found := did_you_mean(state.q, actor=actor)) is None:
        return None
    return found, to_query(state.changed(q=found))


def _unknown(state: ListState, actor: Actor) -> list[Unknown]:
    wanted = [(part, name) for part in TAG_PARTS[:2] for name in getattr(state, part)][:_MOST]
    return [
        Unknown(
            name,
            [(row, to_query(_with(state, part, name, row.name))) for row in found],
            _renamed(state, part, name, actor),
        )
        for part, name in wanted
        if not agents.capped_count(AgentFilter(any=(name,)), actor=actor, most=1).n
        for found in [nearest(name, actor=actor)]
    ]


def _renamed(state: ListState, part: str, name: str, actor: Actor) -> tuple[str, str] | None:
    """The last name that a tag of this name was given. None if the actor sees no agent with it."""
    now = name if actor.limited else Renames([name]).now(name, 0)
    if now == name or not agents.capped_count(AgentFilter(any=(now,)), actor=actor, most=1).n:
        return None
    return now, to_query(_with(state, part, name, now))


def _with(state: ListState, part: str, name: str, other: str) -> ListState:
    """The list with another tag in place of this one."""
    names = dict.fromkeys(other if tag == name else tag for tag in getattr(state, part))
    return state.changed(**{part: tuple(names)})
