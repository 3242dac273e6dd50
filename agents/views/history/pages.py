"""History: list change sets, show one, undo it, and export it as CSV."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_safe

from ade.http import render_page, see_other
from agents.core.actors import Actor, Power
from agents.core.errors import NotFound
from agents.core.limits import SEARCH_LENGTH
from agents.core.tag_text import shown
from agents.domain.core.numbers import real_number, shown_number
from agents.domain.history.undo_set import SetUndone, require_unlimited
from agents.domain.tags.notices import Kind, Notice
from agents.forms import HistoryForm
from agents.models import BulkPlan, ChangeSet
from agents.queries.core import bounds
from agents.queries.core.replica_reads import may_lag
from agents.queries.history.change_sets import BUDGET, changes_of, find_set, history_page, undone_by
from agents.queries.history.own import own_history
from agents.queries.history.people import people
from agents.queries.history.undo_plan import UndoPlan, needs_review, plan_undo, undone_sets
from agents.tasks import bulk
from agents.views.core.actors import actor_of, find_agent, history_key
from agents.views.core.csv_response import csv_file
from agents.views.core.csv_text import csv_text
from agents.views.core.history_words import days_of, shown_sets
from agents.views.core.tag_warnings import warn_of_second_owners

_KEPT_SHOWN = 50  # lines that a message lists of what an undo left unchanged


@require_safe
@may_lag(actor_of)
def history(request: HttpRequest) -> HttpResponse:
    """A page of change sets that match the filter, newest first; for limited members their own changes."""
    actor = actor_of(request)
    if actor.limited:
        return _own(request, actor)
    form = HistoryForm(request.GET, label_suffix="")
    form.is_valid()
    page = history_page(form.wanted(), actor=actor, before=history_key(request, "before"))
    kept = [(name, request.GET[name]) for name in form.fields if request.GET.get(name)]
    context = {
        "form": form,
        "days": days_of(shown_sets(page.rows, actor)),
        "page": page,
        "looked": BUDGET,
        "filtered": bool(kept),
        "older": page.older and urlencode([*kept, ("before", page.older)]),
        "nav": "history",
    }
    return render_page(request, "history/list.html", context, fragment="results")


def _own(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The changes of the agents that a limited member can access."""
    page = own_history(actor, before=history_key(request, "before"))
    sets = [replace(one, may_undo=False, undone=None) for one in shown_sets(page.rows, actor)]
    context = {
        "days": days_of(sets),
        "agents": bounds.OWN,
        "own": True,
        "older": page.older and urlencode({"before": shown_number(page.older, actor)}),
        "nav": "history",
    }
    return render_page(request, "history/own.html", context, fragment="results")


@require_safe
def suggest_people(request: HttpRequest) -> HttpResponse:
    """The people and keys whose name contains the text, for the filter."""
    typed = " ".join(request.GET.get("q", "").split())[:SEARCH_LENGTH]
    found = people(typed, actor=actor_of(request))
    context = {"names": found, "typed": typed, "prefix": request.GET.get("list", "people")}
    return render(request, "history/people.html", context)


@require_safe
def change_set(request: HttpRequest, change_set_id: int) -> HttpResponse:
    """One change set: its changes, page by page, and what undid it."""
    actor = actor_of(request)
    row = find_set(change_set_id, actor=actor)
    changes, more = changes_of(row.change_set, after=history_key(request, "after") or 0)
    (shown,) = shown_sets([row], actor)
    context: dict[str, Any] = {
        "shown": shown,
        "changes": changes,
        "more": more,
        "undone_by": undone_by(row.change_set),
        "nav": "history",
    }
    return render(request, "history/change_set.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def undo(request: HttpRequest, change_set_id: int) -> HttpResponse:
    """Show what an undo would change. A post undoes; a large, old or creating change only once confirmed."""
    actor = actor_of(request)
    actor.require(Power.WRITE, "undo changes")
    if request.method != "POST":
        return _undo_plan(request, change_set_id)
    require_unlimited(actor)
    found = ChangeSet.objects.filter(id=change_set_id).first()
    if found is not None and "confirm" not in request.POST and needs_review(found):
        return see_other(reverse("change-set-undo", args=[change_set_id]))
    with warn_of_second_owners(request):
        undone = bulk.undo(change_set_id=change_set_id, actor=actor)
    if isinstance(undone, BulkPlan):
        return see_other(undone.get_absolute_url())
    messages.success(request, _said(undone))
    if undone.kept:
        context = {"kept": undone.kept[:_KEPT_SHOWN]}
        messages.warning(request, render_to_string("history/change_set.html#left", context))
    return see_other(reverse("change-set", args=[change_set_id]))


def _undo_plan(request: HttpRequest, change_set_id: int) -> HttpResponse:
    """The plan of an undo: of the whole change, or with `?agent=` of its part in one agent."""
    actor = actor_of(request)
    if agent_id := request.GET.get("agent", ""):
        agent = find_agent(actor, agent_id)
        number = real_number(change_set_id, actor)
        found = ChangeSet.objects.filter(id=number, changes__agent_id=agent_id).first()
        if found is None:
            raise NotFound("There is no such change.")
    else:
        agent, found = None, find_set(change_set_id, actor=actor).change_set
    plan = plan_undo(found, agent_id=agent_id or None)
    verb = "Remove these tags from" if plan.creates else "Undo on"
    more = "or more " if plan.more else ""
    context = {
        "number": shown_number(found.id, actor),
        "plan": plan,
        "notices": _undo_notices(plan),
        "button": f"{verb} {plan.agents:,} {more}agent{'' if plan.agents == 1 else 's'}",
        "cancel": reverse("agent-history", args=[agent_id])
        if agent
        else reverse("change-set", args=[change_set_id]),
        "agent": agent,
        "undone": undone_sets([found.id], agent_id=agent_id or None).get(found.id),
        "nav": "agents" if agent else "history",
    }
    return render(request, "history/undo.html", context)


def _undo_notices(plan: UndoPlan) -> list[Notice]:
    found = ((Kind.OWNERLESS, plan.ownerless), (Kind.SECOND_OWNER, plan.second))
    return [Notice(kind, "", n=number) for kind, number in found if number]


def _said(undone: SetUndone) -> str:
    if undone.change_set is None and not undone.kept_count:
        return "There was nothing left to undo."
    done = f"Undone on {undone.agents:,} agent{'' if undone.agents == 1 else 's'}."
    if undone.made and not undone.agents:
        done = f"{', '.join(shown(name) for name in undone.made)} is back. No agent carries it."
    left = f" {undone.kept_count:,} left unchanged." if undone.kept_count else ""
    return (done if undone.change_set else "Nothing was undone.") + left


_HEAD = ["agent_id", "agent_name", "what", "tag", "field", "old", "new", "at", "by", "added_at"]


@require_safe
def receipt(request: HttpRequest, change_set_id: int) -> HttpResponseBase:
    """Every change of a change set, a line for each agent and tag, as CSV."""
    found = find_set(change_set_id, actor=actor_of(request)).change_set
    return csv_file(request, f"change-{change_set_id}.csv", _lines(found))


def _lines(found: ChangeSet) -> Iterator[str]:
    yield csv_text([_HEAD])
    after: int | None = 0
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
                (one.at or found.created_at).isoformat(),
                found.actor_name,
                one.added_at and one.added_at.isoformat(),
            ]
            for one in changes
        )
