"""Context of a list of agents, for the agents page and the page of one user."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from ade.accounts.looks import look_of
from ade.http import render_page, wants_fragment
from agents.core.actors import Actor, Power
from agents.core.filters import Sort
from agents.domain.core.transactions import snapshot
from agents.queries import agents
from agents.queries.agents import Lookups, Page
from agents.queries.agents.address import SIZES, ListState, to_query
from agents.queries.agents.model_names import models_in_use
from agents.queries.agents.sourced import sources_in_use
from agents.queries.core import bounds
from agents.views.core.agent_list.address import url_of
from agents.views.core.agent_list.columns import chosen, heads, style_of
from agents.views.core.agent_list.count import count_context
from agents.views.core.agent_list.empty import ways_out
from agents.views.core.agent_list.picked import bar_context, forget_after_leaving
from agents.views.core.agent_list.rows import COLUMNS, list_rows
from agents.views.core.agent_list.words import other_parts, sentence, tag_parts

SORTS = {
    Sort.NEWEST: "Newest",
    Sort.OLDEST: "Oldest",
    Sort.UPDATED: "Last changed",
    Sort.STALEST: "Longest unchanged",
    Sort.NAME: "Name, A to Z",
    Sort.NAME_BACK: "Name, Z to A",
}


def typed_tag(request: HttpRequest, state: ListState, notices: list[str]) -> HttpResponse | None:
    """Without htmx, redirect to the list whose filter contains the typed tag."""
    if request.GET.get("tag") and not notices and not wants_fragment(request):
        return HttpResponseRedirect(url_of(state))
    return None


def list_context(
    request: HttpRequest, state: ListState, notices: list[str], actor: Actor
) -> dict[str, Any]:
    """Context of agents/list_card.html."""
    exact = request.GET.get("count") == "exact"
    after, before = state.start
    lookups = Lookups()
    # One snapshot for agents and their tags: a rename may come between.
    with snapshot():
        page = agents.page(
            state.filter, actor=actor, sort=state.sort, size=state.size, after=after, before=before,
            lookups=lookups,
        )  # fmt: skip
        found = _page_context(state, page, actor)
        found |= count_context(state, page, lookups, actor, exact=exact)
    context = _filter_context(state, actor) | found
    shown = [row.public_id for row in found["rows"]]
    if not wants_fragment(request):
        forget_after_leaving(request, state)
        context |= _choices(state, actor)
    context |= bar_context(request, state, shown, actor)
    look = look_of(request)
    style = style_of(state, look, actor)
    context["table_rows"] = list_rows(found["rows"], style, context.get("picked_here", ()))
    context["heads"] = heads(state, style.columns)
    context["columns"] = [(name, label, name in chosen(look)) for name, label in COLUMNS.items()]
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
    """Render the page with the list, or for htmx only the results and their address."""
    results = "agents/list_card.html#results"
    response = render_page(request, template, context, fragment=results, status=status)
    if wants_fragment(request):
        response.headers["HX-Push-Url"] = url_of(state)
    return response


def _filter_context(state: ListState, actor: Actor) -> dict[str, Any]:
    """Context of the filter bar, and links that change one part of the filter."""
    wanted = state.any + state.all
    together = {
        "any": state.changed(any=wanted, all=()),
        "all": state.changed(any=(), all=wanted),
    }
    return {
        "state": state,
        "list_url": reverse("user" if state.locked else "agents"),
        "list_here": url_of(state),
        "here": to_query(state),
        "cleared": to_query(ListState(locked=state.locked)),
        "tag_parts": list(tag_parts(state)),
        "other_parts": [part for part in other_parts(state) if not _in_bar(state, part.field)],
        "how": "any" if state.any and not state.all else "all",
        "together": {how: to_query(other) for how, other in together.items()},
        "several": len(wanted) > 1,
        "sorts": [(sort.value, label) for sort, label in SORTS.items()],
        "sizes": [(size, to_query(state.changed(size=size))) for size in SIZES],
    }


def _choices(state: ListState, actor: Actor) -> dict[str, Any]:
    """Context of the filter bar that a fragment does not have: models and sources to choose from."""
    return {
        "models": dict.fromkeys([*models_in_use(actor=actor), *state.models]),
        "sources": dict.fromkeys([*sources_in_use(actor=actor), *state.sources]),
    }


def _in_bar(state: ListState, field: str) -> bool:
    """True if a field of the bar shows this part, so that it needs no token."""
    return field in ("q", "untagged", "show_hidden") or (
        (field == "model" and len(state.models) == 1)
        or (field == "source" and len(state.sources) == 1)
    )


def _page_context(state: ListState, page: Page, actor: Actor) -> dict[str, Any]:
    """The rows, and links to the next pages."""
    neighbours = {
        "older": page.older and to_query(state.changed(after=page.older)),
        "newer": page.newer and to_query(state.changed(before=page.newer)),
    }
    context: dict[str, Any] = {
        "rows": agents.rows(page.seqs),
        "may_write": actor.can(Power.WRITE),
        "page": page,
        "looked": sum(bounds.BUDGETS if state.sort.column == "seq" else bounds.SCATTERED),
        "sentence": sentence(state.free),
        "as_view": to_query(state.free.changed()),
        "export": to_query(state.free.changed()),
        **neighbours,
    }
    if not page.seqs and not page.cut_short:
        context["empty"] = ways_out(state, actor)
    return context
