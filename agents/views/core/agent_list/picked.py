"""The agents picked in a list, stored in the session by filter so that pages and plans share them.

For "all that match" only the filter and the exceptions are stored, however many agents match.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from ade.http import parts_of
from agents.core.actors import Actor, Power
from agents.core.errors import Invalid
from agents.core.filters import AgentFilter, Sort
from agents.core.limits import BULK_PICKED
from agents.domain.bulk.plans import Selection
from agents.queries.agents.address import DEFAULT_SIZE, ListState, to_query
from agents.views.core.agent_list.address import url_of

_SESSION_KEY = "selections"
_MOST_FILTERS = 5  # filters whose selection a session stores


@dataclass(frozen=True, slots=True)
class Picked:
    """The agents picked under one filter: these ids, or with `every` all agents but these ids."""

    every: bool = False
    ids: tuple[str, ...] = ()

    def on_page(self, shown: Collection[str]) -> list[str]:
        """The agents of a page that are picked."""
        ids = set(self.ids)
        return [agent_id for agent_id in shown if (agent_id in ids) != self.every]

    def updated(self, shown: Collection[str], ticked: Collection[str]) -> "Picked":
        """The selection after a page that shows these agents was sent with these ticked."""
        on_page = set(shown) - set(ticked) if self.every else set(ticked)
        rest = [agent_id for agent_id in self.ids if agent_id not in set(shown)]
        return replace(self, ids=(*rest, *sorted(on_page)))

    @property
    def nothing(self) -> bool:
        """True if no agent is picked. False does not mean that any agent matches."""
        return not self.every and not self.ids


def _filter_query(state: ListState) -> str:
    """The filter of a list as a query string, without sort and page size."""
    return to_query(state.free.changed(sort=Sort.NEWEST, size=DEFAULT_SIZE))


def picked_of(request: HttpRequest, state: ListState) -> Picked:
    """The agents that this session has picked under the list's filter."""
    stored = request.session.get(_SESSION_KEY, {}).get(_filter_query(state))
    return Picked(stored["every"], tuple(stored["ids"])) if stored else Picked()


def store_picked(request: HttpRequest, state: ListState, picked: Picked) -> None:
    """Store the selection in the session; the filter used longest ago is dropped. Raises Invalid."""
    if len(picked.ids) > BULK_PICKED:
        raise Invalid(
            f"You can pick or leave out at most {BULK_PICKED:,} agents one by one. "
            "Select all agents that match a filter instead."
        )
    key = _filter_query(state)
    stored = dict(request.session.get(_SESSION_KEY, {}))
    stored.pop(key, None)
    if not picked.nothing:
        stored[key] = {"every": picked.every, "ids": list(picked.ids)}
    request.session[_SESSION_KEY] = dict(list(stored.items())[-_MOST_FILTERS:])


def forget_after_leaving(request: HttpRequest, state: ListState) -> None:
    """Drop the selection of a list that the person left for another page than a bulk change.

    Without a Referer header it stays.
    """
    path = parts_of(request.headers.get("Referer", "")).path
    kept = ("", parts_of(url_of(state)).path)
    if path in kept or path.startswith(reverse("bulk")) or picked_of(request, state).nothing:
        return
    store_picked(request, state, Picked())


def forget_all(request: HttpRequest) -> None:
    """Drop the selections of all lists, because a change of the selected agents began."""
    request.session.pop(_SESSION_KEY, None)


def to_selection(state: ListState, picked: Picked) -> Selection:
    """The agents picked, as a bulk plan takes them."""
    query = to_query(state.free)
    if picked.every:
        return Selection(state.filter, picked.ids, query)
    return Selection(AgentFilter(ids=picked.ids), (), query)


def bar_context(
    request: HttpRequest, state: ListState, shown: Collection[str], actor: Actor
) -> dict[str, Any]:
    """Context of the selection bar; only managers may change agents in bulk."""
    if not actor.can(Power.MANAGE):
        return {"may_bulk": False}
    picked = picked_of(request, state)
    here = picked.on_page(shown)
    return {
        "may_bulk": True,
        "picked": picked,
        "picked_here": here,
        # Joined here: the template's filter escapes each of them.
        "picked_ids": " ".join(here),
        "shown_ids": " ".join(shown),
        "picked_left_out": len(picked.ids) if picked.every else 0,
        "bulk_list": url_of(state),
    }
