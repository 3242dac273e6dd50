"""A list of agents with all its tools, for the page of all agents and for the page of one user."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from ade.http import render_page, wants_fragment
from agents import listing
from agents.actors import Actor, Power
from agents.domain.transactions import snapshot
from agents.filterparse import SIZES, ListState, to_query
from agents.filters import Sort
from agents.limits import EXACT_COUNT
from agents.listing import Count, Page, bounds
from agents.listing.models import models_in_use
from agents.views.bulk_selection import bar_context
from agents.views.list_empty import ways_out
from agents.views.list_place import url_of
from agents.views.list_rows import shown_rows
from agents.views.list_words import other_parts, sentence, tag_parts

SORTS = {
    Sort.NEWEST: "Newest",
    Sort.OLDEST: "Oldest",
    Sort.UPDATED: "Last changed",
    Sort.STALEST: "Longest unchanged",
    Sort.NAME: "Name, A to Z",
    Sort.NAME_BACK: "Name, Z to A",
}


def typed_tag(request: HttpRequest, state: ListState, notices: list[str]) -> HttpResponse | None:
    """To the list with the tag that was typed, which is a part of its filter now; without htmx."""
    if request.GET.get("tag") and not notices and not wants_fragment(request):
        return HttpResponseRedirect(url_of(state))
    return None


def list_context(
    request: HttpRequest, state: ListState, notices: list[str], actor: Actor
) -> dict[str, Any]:
    """What agents/list_card.html shows."""
    exact = request.GET.get("count") == "exact"
    after, before = state.start
    # Which agents, and what they carry, of one moment: a rename may come between.
    with snapshot():
        page = listing.page(
            state.filter, actor=actor, sort=state.sort, size=state.size, after=after, before=before
        )
        found = _page_context(state, page, actor, exact)
    context = _filter_context(state, actor) | found
    shown = [row.public_id for row in found["rows"]]
    context |= bar_context(request, state, shown, actor)
    picked = context.get("picked_here", ())
    context["rows"] = shown_rows(found["rows"], to_query(state.changed()), picked)
    typed = request.GET.get("tag", "")
    refused = typed if typed not in state.any + state.all + state.none else ""
    return context | {"notices": notices, "typed": refused, "fragment": wants_fragment(request)}


def render_list(
    request: HttpRequest,
    template: str,
    state: ListState,
    context: dict[str, Any],
    *,
    status: int = 200,
) -> HttpResponse:
    """The page that has the list on it, or the list's results, whose address htmx then shows."""
    results = "agents/list_card.html#results"
    response = render_page(request, template, context, fragment=results, status=status)
    if wants_fragment(request):
        response.headers["HX-Push-Url"] = url_of(state)
    return response


def _filter_context(state: ListState, actor: Actor) -> dict[str, Any]:
    """The filter bar, and the links that change one thing."""
    wanted = state.any + state.all
    together = {
        "any": state.changed(any=wanted, all=()),
        "all": state.changed(any=(), all=wanted),
    }
    return {
        "state": state,
        "list_url": reverse("user" if state.locked else "agents"),
        "here": to_query(state),
        "cleared": to_query(ListState(locked=state.locked)),
        "tag_parts": list(tag_parts(state)),
        "other_parts": [part for part in other_parts(state) if not _in_bar(state, part.field)],
        "how": "any" if state.any and not state.all else "all",
        "together": {how: to_query(other) for how, other in together.items()},
        "several": len(wanted) > 1,
        "sorts": [(sort.value, label) for sort, label in SORTS.items()],
        "sizes": [(size, to_query(state.changed(size=size))) for size in SIZES],
        "models": dict.fromkeys([*models_in_use(actor=actor), *state.models]),
    }


def _in_bar(state: ListState, field: str) -> bool:
    """True if a field of the bar shows this part, so that it needs no token."""
    return field in ("q", "untagged") or (field == "model" and len(state.models) == 1)


def _page_context(state: ListState, page: Page, actor: Actor, exact: bool) -> dict[str, Any]:
    """The rows, how many there are in all, and the ways on."""
    count = _count(state, page, actor, exact)
    neighbours = {
        "older": page.older and to_query(state.changed(after=page.older)),
        "newer": page.newer and to_query(state.changed(before=page.newer)),
    }
    context: dict[str, Any] = {
        "rows": listing.rows(page.seqs),
        "may_write": actor.can(Power.WRITE),
        "page": page,
        "looked": sum(bounds.BUDGETS if state.sort.column == "seq" else bounds.SCATTERED),
        "sentence": sentence(state.free),
        "count": count,
        "as_view": to_query(state.free.changed()),
        "exact": f"{to_query(state)}&count=exact".lstrip("&"),
        "export": to_query(state.free.changed()),
        **neighbours,
    }
    if not page.seqs and not page.cut_short:
        context["empty"] = ways_out(state, actor)
    return context


def _count(state: ListState, page: Page, actor: Actor, exact: bool) -> Count:
    """How many agents the filter has; a page that is all of it was counted by reading it."""
    if not page.older and not page.newer and not (state.after or state.before):
        return Count(len(page.seqs), exact=True)
    if exact:
        return Count(listing.count(state.filter, actor=actor), exact=True)
    return listing.capped_count(state.filter, actor=actor, most=EXACT_COUNT)
