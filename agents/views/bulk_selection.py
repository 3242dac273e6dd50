"""Agents picked in the list: kept in the session by filter, so that pages and plans share them.

Of "all that match" only the filter and what was taken out of it is kept, however many there are.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST

from ade.http import see_other, wants_fragment
from agents import listing
from agents.actors import Actor, Power
from agents.domain.bulk import Selection
from agents.errors import Invalid
from agents.filterparse import DEFAULT_SIZE, ListState, to_query
from agents.filters import AgentFilter, Sort
from agents.limits import BULK_PICKED, EXACT_COUNT, PAGE_MOST
from agents.models import BulkOp
from agents.views.access import actor_of
from agents.views.list_place import state_at, url_of

_KEY = "selections"
_KEPT = 5  # filters whose selection a session keeps
_ACTS = (BulkOp.ADD, BulkOp.REMOVE, BulkOp.REPLACE)


@dataclass(frozen=True, slots=True)
class Picked:
    """What is picked under one filter: some ids, or with `every` all but some ids."""

    every: bool = False
    ids: tuple[str, ...] = ()

    def has(self, public_id: str) -> bool:
        """True if this agent, which the filter shows, is picked."""
        return (public_id in self.ids) != self.every

    def on_page(self, shown: Collection[str]) -> list[str]:
        """Those of a page's agents that are picked."""
        known = set(self.ids)
        return [one for one in shown if (one in known) != self.every]

    def updated(self, shown: Collection[str], ticked: Collection[str]) -> "Picked":
        """As a page with these agents was left, these of them ticked."""
        marked = set(shown) - set(ticked) if self.every else set(ticked)
        rest = [one for one in self.ids if one not in set(shown)]
        return replace(self, ids=(*rest, *sorted(marked)))

    @property
    def nothing(self) -> bool:
        """True if surely no agent is picked."""
        return not self.every and not self.ids


def filter_query(state: ListState) -> str:
    """The part of a list's address that says which agents, by which a selection is kept."""
    return to_query(state.free.changed(sort=Sort.NEWEST, size=DEFAULT_SIZE))


def picked_of(request: HttpRequest, state: ListState) -> Picked:
    """What this session has picked under the list's filter."""
    kept = request.session.get(_KEY, {}).get(filter_query(state))
    return Picked(kept["every"], tuple(kept["ids"])) if kept else Picked()


def keep(request: HttpRequest, state: ListState, picked: Picked) -> None:
    """Keep it for the session; the filter used longest ago is forgotten. Raises Invalid."""
    if len(picked.ids) > BULK_PICKED:
        raise Invalid(
            f"At most {BULK_PICKED:,} agents can be picked or left out one by one: "
            "select all that match a filter instead."
        )
    key = filter_query(state)
    others = {name: one for name, one in request.session.get(_KEY, {}).items() if name != key}
    if not picked.nothing:
        others[key] = {"every": picked.every, "ids": list(picked.ids)}
    request.session[_KEY] = dict(list(others.items())[-_KEPT:])


def to_selection(state: ListState, picked: Picked) -> Selection:
    """The agents picked, as a plan takes them."""
    query = to_query(state.free)
    if picked.every:
        return Selection(state.filter, picked.ids, query)
    return Selection(AgentFilter(ids=picked.ids), (), query)


def bar_context(
    request: HttpRequest, state: ListState, shown: Collection[str], actor: Actor
) -> dict[str, Any]:
    """What the bar under the filter shows; nothing for those who may not change in bulk."""
    if not actor.can(Power.MANAGE):
        return {"may_bulk": False}
    picked = picked_of(request, state)
    return {
        "may_bulk": True,
        "picked": picked,
        "picked_here": picked.on_page(shown),
        "picked_left_out": len(picked.ids) if picked.every else 0,
        "bulk_list": url_of(state),
        "bulk_shown": shown,
    }


@require_POST
def selection(request: HttpRequest) -> HttpResponse:
    """Pick what a page of the list says; a button may pick all, none, or go on to a change."""
    actor = actor_of(request)
    actor.require(Power.MANAGE, "change agents in bulk")
    state = state_at(request.POST.get("list", ""))
    # One field for all of the page's agents, and no field for each: no id holds a space.
    shown = " ".join(request.POST.getlist("shown")).split()[:PAGE_MOST]
    act = request.POST.get("act", "")
    picked = _picked(picked_of(request, state), shown, request.POST.getlist("agent"), act)
    keep(request, state, picked)
    if act in _ACTS:
        return _go_on(request, f"{reverse('bulk-new')}?{to_query(state.free)}&op={act}")
    if not wants_fragment(request):
        return see_other(url_of(state))
    context = bar_context(request, state, shown, actor)
    context["count"] = listing.capped_count(state.filter, actor=actor, most=EXACT_COUNT)
    return render(request, "agents/list_picked.html", context)


def _picked(before: Picked, shown: list[str], ticked: list[str], act: str) -> Picked:
    if act == "all":
        return Picked(every=True)
    if act == "none":
        return Picked()
    return before.updated(shown, shown if act == "page" else ticked)


def _go_on(request: HttpRequest, url: str) -> HttpResponse:
    """To another page, from a form that htmx may have sent."""
    if not wants_fragment(request):
        return see_other(url)
    response = HttpResponse()
    response.headers["HX-Redirect"] = url
    return response
