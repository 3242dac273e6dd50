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
from agents.core.actors import Actor, Power
from agents.core.errors import Conflict, Invalid
from agents.core.json_text import loads
from agents.domain.bulk import plans as bulk
from agents.domain.bulk import refresh, retries, run
from agents.domain.bulk.results import Result, results_of
from agents.forms import BulkForm, text_of
from agents.models import BulkOp, BulkPlan, BulkState, ChangeSet, Owners
from agents.queries.agents.address import parse
from agents.queries.agents.model_names import models_in_use
from agents.queries.history.undo_plan import needs_review
from agents.tasks import bulk as tasks
from agents.views.bulk.words import plan_context, title_of
from agents.views.core.actors import actor_of
from agents.views.core.agent_list.picked import forget_all, picked_of, to_selection
from agents.views.core.agent_list.words import sentence
from agents.views.core.csv_response import CSV, csv_file
from agents.views.core.csv_text import csv_text

_UNDECIDED = "Decide first what happens to the agents that would have two owners."
_RUNS = 50  # bulk changes that the page lists
_STREAMED = 500  # rows of results written together
_TYPED = (BulkOp.ADD, BulkOp.REMOVE, BulkOp.REPLACE, BulkOp.MOVE, BulkOp.MODEL, BulkOp.DELETE)


@require_safe
def runs(request: HttpRequest) -> HttpResponse:
    """The latest bulk changes."""
    plans = bulk.plans_of(actor_of(request))
    context = {
        "rows": [(plan, title_of(plan)) for plan in plans.order_by("-created_at")[:_RUNS]],
        "failed": retries.failed(plans).count(),
        "most": _RUNS,
        "nav": "agents",
    }
    return render(request, "bulk/runs.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Ask what to change on the picked agents; a post creates the plan and shows it."""
    actor = actor_of(request)
    actor.require(Power.MANAGE, "change agents in bulk")
    op = _op(request)
    state, _ = parse(request.GET)
    picked = picked_of(request, state)
    form = BulkForm(op, request.POST if request.method == "POST" else None)
    problem = "No agents are picked. Go back to the list and pick some." if picked.nothing else ""
    if form.is_bound and form.is_valid() and not problem:
        try:
            selection = to_selection(state, picked)
            return see_other(_planned(selection, form, actor).get_absolute_url())
        except (Invalid, Conflict) as error:
            form.refuse(error)
    context = {
        "form": form,
        "op": op,
        "models": models_in_use(actor=actor) if op == BulkOp.MODEL else [],
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
    """A plan: its preview, then its progress, then its results."""
    actor = actor_of(request)
    return _page(request, bulk.get_plan(plan_id, actor=actor), actor)


@require_POST
def apply(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """Apply the plan; if other agents match now, show a new plan with the difference first."""
    actor = actor_of(request)
    old = bulk.get_plan(plan_id, actor=actor)
    if _is_undecided(old):
        if "keep" not in request.POST:
            return _page(request, old, actor, problem=Conflict(_UNDECIDED))
        old = refresh.revise(plan_id=plan_id, owners=Owners.KEEP, actor=actor)
    if (newer := tasks.plan_again(old, actor=actor)) is not None:
        return see_other(newer.get_absolute_url())
    forget_all(request)
    try:
        return see_other(tasks.begin(plan_id=plan_id, actor=actor).get_absolute_url())
    except Conflict as error:
        return _page(request, old, actor, problem=error)


def _is_undecided(plan: BulkPlan) -> bool:
    """True if agents would get a second owner and nobody has said that this is meant."""
    return plan.state == BulkState.PLANNED and bool(plan.second_owners) and plan.owners is None


@require_POST
def revise(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """Plan again: with another tag in place of one, or with a decision about second owners."""
    actor = actor_of(request)
    data, owners = request.POST, None
    if data.get("owners") in Owners.values:
        owners = Owners(data["owners"])
    use = (text_of(data, "tag") or "", text_of(data, "use") or "") if "use" in data else None
    try:
        newer = tasks.revise(plan_id=plan_id, owners=owners, use=use, actor=actor)
    except (Conflict, Invalid) as error:
        found = bulk.get_plan(plan_id, actor=actor)
        return _page(request, found, actor, problem=Conflict(error.message))
    return see_other(newer.get_absolute_url())


@require_POST
def stop(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """Stop a run after its current batch."""
    return see_other(run.stop(plan_id=plan_id, actor=actor_of(request)).get_absolute_url())


@require_POST
def resume(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """Resume a stopped run."""
    actor = actor_of(request)
    try:
        return see_other(tasks.resume(plan_id=plan_id, actor=actor).get_absolute_url())
    except Conflict as error:
        return _page(request, bulk.get_plan(plan_id, actor=actor), actor, problem=error)


@require_POST
def undo(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """Undo everything that a run changed, in a new run. Of a large or old one the plan comes first."""
    actor = actor_of(request)
    found = ChangeSet.objects.filter(id=bulk.get_plan(plan_id, actor=actor).change_set_id or 0)
    if "confirm" not in request.POST and (change := found.first()) and needs_review(change):
        return see_other(reverse("change-set-undo", args=[change.id]))
    forget_all(request)
    try:
        return see_other(tasks.begin_undo(plan_id=plan_id, actor=actor).get_absolute_url())
    except Conflict as error:
        return _page(request, bulk.get_plan(plan_id, actor=actor), actor, problem=error)


@require_safe
def results(request: HttpRequest, plan_id: UUID) -> HttpResponseBase:
    """The result for each agent, as CSV."""
    actor = actor_of(request)
    found = bulk.get_plan(plan_id, actor=actor)
    return csv_file(request, f"bulk-{plan_id}.csv", _lines(results_of(found, actor)))


@require_safe
def refused(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """Every skipped line of a file with the reason, as CSV."""
    found = bulk.get_plan(plan_id, actor=actor_of(request))
    text = csv_text([("line", "text", "why"), *loads(found.refused)])
    response = HttpResponse(f"\ufeff{text}", content_type=CSV)
    response.headers["Content-Disposition"] = f'attachment; filename="left-out-{plan_id}.csv"'
    return response


def _lines(found: Iterator[Result]) -> Iterator[str]:
    yield csv_text([("agent_id", "name", "result", "why")])
    while some := list(islice(found, _STREAMED)):
        yield csv_text((one.public_id, one.name, one.words, one.why) for one in some)


def _page(
    request: HttpRequest, found: BulkPlan, actor: Actor, *, problem: Conflict | None = None
) -> HttpResponse:
    context: dict[str, Any] = plan_context(found, actor) | {"problem": problem, "nav": "agents"}
    status = problem.status if problem else 200
    return render_page(request, "bulk/plan.html", context, fragment="progress", status=status)
