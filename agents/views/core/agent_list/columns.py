"""The columns of a list of agents: which are shown, and the heads that sort by them."""

from dataclasses import dataclass

from ade.accounts.looks import Look
from agents.core.actors import Actor, Power
from agents.core.filters import Sort
from agents.queries.agents.address import ListState, to_query
from agents.views.core.agent_list.rows import COLUMNS, DEFAULT_COLUMNS, RowStyle

# The order of a head's first click, and of the next.
_SORTS = {
    "agent": (Sort.NAME, Sort.NAME_BACK),
    "created": (Sort.NEWEST, Sort.OLDEST),
    "updated": (Sort.UPDATED, Sort.STALEST),
}
_ARIA = {True: "descending", False: "ascending"}


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a column. `url` sorts by it; `sorted` is its aria-sort while the list is so."""

    name: str
    label: str
    url: str = ""
    sorted: str = ""


def chosen(look: Look) -> tuple[str, ...]:
    """The columns that the look asks for, in the order of the table."""
    wanted = DEFAULT_COLUMNS if look.columns is None else look.columns
    return tuple(name for name in COLUMNS if name in wanted)


def heads(state: ListState, columns: tuple[str, ...]) -> list[Head]:
    """The heads of the agent's name and of these columns."""
    return [
        _head(state, "agent", "Agent"),
        *(_head(state, name, COLUMNS[name]) for name in columns),
    ]


def _head(state: ListState, name: str, label: str) -> Head:
    if name not in _SORTS:
        return Head(name, label)
    first, second = _SORTS[name]
    to = second if state.sort is first else first
    now = _ARIA[state.sort.descending] if state.sort in (first, second) else ""
    return Head(name, label, f"?{to_query(state.changed(sort=to))}", now)


def style_of(state: ListState, look: Look, actor: Actor) -> RowStyle:
    """How the rows of this list look to this actor."""
    return RowStyle(
        query=to_query(state.changed()),
        columns=chosen(look),
        matching=frozenset(state.any + state.all),
        may_write=actor.can(Power.WRITE),
        may_bulk=actor.can(Power.MANAGE),
    )
