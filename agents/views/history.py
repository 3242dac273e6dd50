"""History: every change-set, one of them, its undo, and the whole of it as CSV."""

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from ade.http import render_page, see_other
from agents import tasks
from agents.domain.undo import Kept
from agents.domain.undo_set import SetUndone
from agents.forms import HistoryForm
from agents.lagging import may_lag
from agents.listing.history import BUDGET, changes_of, find_set, history_page, undone_by
from agents.models import BulkPlan, ChangeSet
from agents.tagnames import shown
from agents.views.access import actor_of, place_of
from agents.views.csvfiles import csv_file
from agents.views.csvtext import csv_text
from agents.views.history_words import shown_sets

_KEPT = "history-kept"
# Of what an undo left, so many are told on the page.
_TOLD = 50


@require_safe
@may_lag(actor_of)
def history(request: HttpRequest) -> HttpResponse:
    """A page of the change-sets that the address asks for, newest first."""
    actor = actor_of(request)
    form = HistoryForm(request.GET, label_suffix="")
    form.is_valid()
    page = history_page(form.wanted(), actor=actor, before=place_of(request, "before"))
    kept = [(name, request.GET[name]) for name in form.fields if request.GET.get(name)]
    context = {
        "form": form,
        "sets": shown_sets(page.rows, actor),
        "page": page,
        "looked": BUDGET,
        "filtered": bool(kept),
        "older": page.older and urlencode([*kept, ("before", page.older)]),
        "nav": "history",
    }
    return render_page(request, "history/list.html", context, fragment="results")


@require_safe
def change_set(request: HttpRequest, change_set_id: int) -> HttpResponse:
    """One change-set: all that it changed, page by page, and what took it back."""
    actor = actor_of(request)
    row = find_set(change_set_id, actor=actor)
    changes, more = changes_of(row.change_set, after=place_of(request, "after") or 0)
    (shown,) = shown_sets([row], actor)
    kept = request.session.get(_KEPT)
    context: dict[str, Any] = {
        "shown": shown,
        "changes": changes,
        "more": more,
        "undone_by": undone_by(row.change_set),
        "kept": kept["rows"] if kept and kept["of"] == change_set_id else [],
        "nav": "history",
    }
    if context["kept"]:
        del request.session[_KEPT]
    return render(request, "history/change_set.html", context)


@require_POST
def undo(request: HttpRequest, change_set_id: int) -> HttpResponse:
    """Take a change-set back, and say what was left as it is; a bulk change by a run of its own."""
    actor = actor_of(request)
    undone = tasks.undo(change_set_id=change_set_id, actor=actor)
    if isinstance(undone, BulkPlan):
        return see_other(undone.get_absolute_url())
    messages.success(request, _said(undone))
    if undone.kept:
        rows = [_told(one) for one in undone.kept[:_TOLD]]
        request.session[_KEPT] = {"of": change_set_id, "rows": rows}
    return see_other(reverse("change-set", args=[change_set_id]))


def _said(undone: SetUndone) -> str:
    if undone.change_set is None and not undone.kept_count:
        return "There was nothing left to undo."
    done = f"Undone on {undone.agents:,} agent{'' if undone.agents == 1 else 's'}."
    if undone.made and not undone.agents:
        done = f"{', '.join(shown(name) for name in undone.made)} is back. No agent carries it."
    left = f" {undone.kept_count:,} left as they are." if undone.kept_count else ""
    return (done if undone.change_set else "Nothing was undone.") + left


def _told(kept: Kept) -> dict[str, str]:
    return {"agent": kept.agent_id, "tag": kept.tag, "why": kept.why}


_HEAD = ["agent_id", "agent_name", "what", "tag", "field", "old", "new", "at", "by"]


@require_safe
def receipt(request: HttpRequest, change_set_id: int) -> HttpResponseBase:
    """All that a change-set did, a line for each agent and tag, as CSV."""
    found = find_set(change_set_id, actor=actor_of(request)).change_set
    return csv_file(request, f"change-{change_set_id}.csv", _lines(found))


def _lines(found: ChangeSet) -> Iterator[str]:
    yield csv_text([_HEAD])
    after: int | None = 0
    at = found.created_at.isoformat()
    while after is not None:
        changes, after = changes_of(found, after=after, size=1000)
        yield csv_text(
            [
                one.agent_id,
                one.agent_name,
                one.get_op_display(),
                one.tag,
                one.field,
                one.old,
                one.new,
                at,
                found.actor_name,
            ]
            for one in changes
        )
