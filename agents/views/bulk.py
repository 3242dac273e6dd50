"""Bulk changes: what to change, the plan, its run, and undo. For managers."""

from collections.abc import Iterator
from itertools import islice
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ade.http import render_page, see_other
from agents import tasks
from agents.actors import Actor, Power
from agents.domain import bulk, bulkrun
from agents.domain.bulkresults import Result, results_of
from agents.errors import Conflict, Invalid
from agents.filterparse import parse
from agents.forms import BulkForm
from agents.jsontext import loads
from agents.models import BulkOp, BulkPlan
from agents.views.access import actor_of
from agents.views.bulk_selection import picked_of, to_selection
from agents.views.bulk_words import plan_context, title_of
from agents.views.csvfiles import csv_file
from agents.views.csvtext import csv_text
from agents.views.list_words import sentence

_RUNS = 50  # bulk changes that their page lists
_STREAMED = 500  # rows of results written together
_TYPED = (BulkOp.ADD, BulkOp.REMOVE, BulkOp.REPLACE)


@require_safe
def runs(request: HttpRequest) -> HttpResponse:
    """The latest bulk changes."""
    plans = bulk.plans_of(actor_of(request)).order_by("-created_at")[:_RUNS]
    rows = [(plan, title_of(plan)) for plan in plans]
    return render(request, "bulk/runs.html", {"rows": rows, "most": _RUNS, "nav": "agents"})


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Ask what to change on the agents picked; a post makes the plan and shows it."""
    actor = actor_of(request)
    actor.require(Power.MANAGE, "change agents in bulk")
    op = _op(request)
    state, _ = parse(request.GET)
    picked = picked_of(request, state)
    form = BulkForm(op, request.POST if request.method == "POST" else None)
    problem = "No agent is picked. Go back to the list and pick some." if picked.nothing else ""
    if form.is_bound and form.is_valid() and not problem:
        try:
            selection = to_selection(state, picked)
            return see_other(_planned(selection, form, actor).get_absolute_url())
        except (Invalid, Conflict) as error:
            form.refuse(error)
    context = {
        "form": form,
        "op": op,
        "picked": picked,
        "left_out": len(picked.ids) if picked.every else 0,
        "sentence": sentence(state),
        "problem": problem,
        "back": f"{reverse('agents')}?{_query(request)}",
        "nav": "agents",
    }
    return render(request, "bulk/new.html", context, status=422 if form.is_bound else 200)


def _planned(selection: bulk.Selection, form: BulkForm, actor: Actor) -> BulkPlan:
    return tasks.make_plan(selection=selection, change=form.change(), actor=actor)


def _op(request: HttpRequest) -> BulkOp:
    op = request.GET.get("op", BulkOp.ADD)
    return BulkOp(op) if op in _TYPED else BulkOp.ADD


def _query(request: HttpRequest) -> str:
    query = request.GET.copy()
    query.pop("op", None)
    return query.urlencode()


@require_safe
def plan(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """The plan before it is applied, its progress while it runs, its results after that."""
    actor = actor_of(request)
    return _page(request, bulk.get_plan(plan_id, actor=actor), actor)


@require_POST
def apply(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """Apply the plan; where other agents match now, show a new plan with the difference first."""
    actor = actor_of(request)
    old = bulk.get_plan(plan_id, actor=actor)
    if (newer := tasks.renewed(old, actor=actor)) is not None:
        return see_other(newer.get_absolute_url())
    try:
        return see_other(tasks.begin(plan_id=plan_id, actor=actor).get_absolute_url())
    except Conflict as error:
        return _page(request, old, actor, problem=error)


@require_POST
def stop(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """Stop a run after the batch that it is at."""
    return see_other(bulkrun.stop(plan_id=plan_id, actor=actor_of(request)).get_absolute_url())


@require_POST
def resume(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """Let a stopped run go on."""
    actor = actor_of(request)
    try:
        return see_other(tasks.resume(plan_id=plan_id, actor=actor).get_absolute_url())
    except Conflict as error:
        return _page(request, bulk.get_plan(plan_id, actor=actor), actor, problem=error)


@require_POST
def undo(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """Undo all that a run changed, as a run of its own."""
    actor = actor_of(request)
    try:
        return see_other(tasks.begin_undo(plan_id=plan_id, actor=actor).get_absolute_url())
    except Conflict as error:
        return _page(request, bulk.get_plan(plan_id, actor=actor), actor, problem=error)


@require_safe
def results(request: HttpRequest, plan_id: UUID) -> HttpResponseBase:
    """What became of each agent, as CSV."""
    found = bulk.get_plan(plan_id, actor=actor_of(request))
    return csv_file(request, f"bulk-{plan_id}.csv", _lines(results_of(found)))


@require_safe
def refused(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """Every line of a file that is left out, and why, as CSV."""
    found = bulk.get_plan(plan_id, actor=actor_of(request))
    text = csv_text([("line", "text", "why"), *loads(found.refused)])
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="left-out-{plan_id}.csv"'
    return response


def _lines(found: Iterator[Result]) -> Iterator[str]:
    yield csv_text([("agent_id", "name", "result", "why")])
    while some := list(islice(found, _STREAMED)):
        yield csv_text((one.public_id, one.name, one.words, one.why) for one in some)


def _page(
    request: HttpRequest, found: BulkPlan, actor: Actor, *, problem: Conflict | None = None
) -> HttpResponse:
    context: dict[str, Any] = plan_context(found) | {"problem": problem, "nav": "agents"}
    status = problem.status if problem else 200
    return render_page(request, "bulk/plan.html", context, fragment="progress", status=status)
