"""/v1/bulk/: plan, apply, stop and undo changes of many agents. Not part of Letta's API.

The status is 202 while the worker still has work to do, and 200 otherwise.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from ninja import Query, Router

from agents.api.agents.routes import filter_of
from agents.api.bulk.bodies import (
    BulkBody,
    BulkPlanState,
    BulkState,
    NewerPlan,
    PlanId,
    PlansQuery,
    RefusedPage,
    RefusedQuery,
    ResultsQuery,
    ResultsState,
    RowsBody,
    filter_state,
)
from agents.api.core.answers import Answer, json_answer
from agents.api.core.auth import actor_of
from agents.api.core.idempotency import IDEMPOTENT, carried_out
from agents.api.core.pages import link_next
from agents.api.core.schemas import READ, READ_ONE, WRITE, answers
from agents.core.actors import Actor
from agents.core.errors import BadRequest, Invalid
from agents.core.filters import AgentFilter
from agents.core.json_text import loads
from agents.core.tag_text import text_problem
from agents.domain.bulk import plans as bulk
from agents.domain.bulk import retries, run
from agents.domain.bulk.notices import tag_numbers
from agents.domain.bulk.planning import actor_of_plan
from agents.domain.bulk.plans import Selection
from agents.domain.bulk.refresh import difference_of, newer_of
from agents.domain.bulk.results import results_page
from agents.models import BulkPlan
from agents.models import BulkState as State
from agents.queries.agents.address import ListState, to_query
from agents.tasks import bulk as tasks

router = Router(tags=["bulk changes"])

_REFUSED = 200  # refused rows in one response
_BEGUN = {202: BulkPlanState}
_STATES = (State.PLANNING, State.RUNNING)


@router.post(
    "/",
    operation_id="plan_bulk_change",
    response=answers(BulkPlanState, WRITE) | _BEGUN,
    openapi_extra=IDEMPOTENT,
)
def make_plan(request: HttpRequest, body: BulkBody) -> Answer:
    """Plan a change of all agents that match. No agent changes yet. Needs manage scope."""
    actor = actor_of(request)
    selection = _selection(body, actor)
    change = body.change()
    return carried_out(
        request,
        lambda once: plan_answer(
            tasks.make_plan(selection=selection, change=change, actor=actor, once=once)
        ),
        _planned,
    )


@router.post(
    "/rows",
    operation_id="plan_bulk_change_from_rows",
    response=answers(BulkPlanState, WRITE) | _BEGUN,
    openapi_extra=IDEMPOTENT,
)
def make_plan_of_rows(request: HttpRequest, body: RowsBody) -> Answer:
    """Plan to add a tag to the agent in each row. The plan lists rows it cannot use, with a reason."""
    pairs = [(row.agent_id, row.tag) for row in body.rows]
    actor = actor_of(request)
    return carried_out(
        request,
        lambda once: plan_answer(
            tasks.plan_pairs(pairs=pairs, actor=actor, reason=body.reason, once=once)
        ),
        _planned,
    )


def _planned(request: HttpRequest, ids: list[str]) -> Answer:
    return plan_answer(bulk.get_plan(ids[0], actor=actor_of(request)))


@router.get("/", operation_id="list_bulk_changes", response=answers(list[BulkState], READ))
def list_plans(request: HttpRequest, query: Query[PlansQuery]) -> Answer:
    """List bulk changes, newest first. For the next page, pass the last ID as `after`."""
    found = bulk.plans_of(actor_of(request))
    if query.after:
        place = found.filter(id=query.after).first()
        if place is None:
            raise BadRequest(
                f"Bulk change {query.after} does not exist. Pass another ID as `after`."
            )
        older = Q(created_at__lt=place.created_at)
        found = found.filter(older | Q(created_at=place.created_at, id__lt=place.id))
    if query.state:
        found = found.filter(state=query.state)
    rows = list(found.order_by("-created_at", "-id")[: query.size + 1])
    page, more = rows[: query.size], len(rows) > query.size
    return link_next(json_answer(_briefs(page)), request, str(page[-1].id) if more else None)


@router.get("/{plan_id}", operation_id="get_bulk_change", response=answers(BulkPlanState, READ_ONE))
def get_plan(request: HttpRequest, plan_id: PlanId) -> Answer:
    """Get a bulk change with its plan and progress."""
    return json_answer(_state(bulk.get_plan(plan_id, actor=actor_of(request))))


@router.get(
    "/{plan_id}/results",
    operation_id="list_bulk_change_results",
    response=answers(ResultsState, READ_ONE),
)
def list_results(request: HttpRequest, plan_id: PlanId, query: Query[ResultsQuery]) -> Answer:
    """List the result for each agent, in pages."""
    actor = actor_of(request)
    plan = bulk.get_plan(plan_id, actor=actor)
    page, after = results_page(
        plan, actor=actor, after=query.after, size=query.size, skipped=query.skipped
    )
    rows = [
        {
            "agent_id": one.public_id,
            "name": one.name,
            "result": one.outcome or "waiting",
            "why": one.why,
        }
        for one in page
    ]
    return link_next(json_answer({"results": rows, "after": after}), request, after)


@router.get(
    "/{plan_id}/refused",
    operation_id="list_bulk_change_refused_rows",
    response=answers(RefusedPage, READ_ONE),
)
def list_refused(request: HttpRequest, plan_id: PlanId, query: Query[RefusedQuery]) -> Answer:
    """List all refused rows with the reason, in pages."""
    plan = bulk.get_plan(plan_id, actor=actor_of(request))
    rows, end = loads(plan.refused), query.after + query.size
    after = end if end < len(rows) else None
    response = json_answer({"refused": _refused(rows[query.after : end]), "after": after})
    return link_next(response, request, after)


@router.post(
    "/{plan_id}/apply",
    operation_id="apply_bulk_change",
    response=answers(BulkPlanState, WRITE) | _BEGUN | {409: NewerPlan},
)
def apply_plan(request: HttpRequest, plan_id: PlanId) -> Answer:
    """Apply the plan. Calling it again changes nothing and returns the progress.

    If other agents match now, nothing changes: the response is 409 with the ID of a new plan. For
    more than 20,000 agents the worker makes this check, and `newer_plan` has the ID.
    """
    actor = actor_of(request)
    newer = tasks.plan_again(bulk.get_plan(plan_id, actor=actor), actor=actor)
    if newer is not None:
        said = "Other agents match now. Review the new plan, then apply it."
        return json_answer(
            {"detail": said, "code": "newer_plan", "plan_id": str(newer.id)}, status=409
        )
    return plan_answer(tasks.begin(plan_id=plan_id, actor=actor))


@router.post(
    "/{plan_id}/stop", operation_id="stop_bulk_change", response=answers(BulkPlanState, WRITE)
)
def stop(request: HttpRequest, plan_id: PlanId) -> Answer:
    """Stop a running bulk change. Agents already changed stay changed. No effect if not running."""
    return json_answer(_state(run.stop(plan_id=plan_id, actor=actor_of(request))))


@router.post(
    "/{plan_id}/resume",
    operation_id="resume_bulk_change",
    response=answers(BulkPlanState, WRITE) | _BEGUN,
)
def resume(request: HttpRequest, plan_id: PlanId) -> Answer:
    """Resume a bulk change that was stopped or lost its worker. 409 if it has been undone."""
    return plan_answer(tasks.resume(plan_id=plan_id, actor=actor_of(request)))


@router.post(
    "/{plan_id}/undo",
    operation_id="undo_bulk_change",
    response=answers(BulkPlanState, WRITE) | _BEGUN,
)
def undo(request: HttpRequest, plan_id: PlanId) -> Answer:
    """Undo a bulk change. The response is the new bulk change that does this.

    Calling it again returns the same bulk change. 409 while the original is running, or if it
    changed nothing.
    """
    return plan_answer(tasks.begin_undo(plan_id=plan_id, actor=actor_of(request)))


def _selection(body: BulkBody, actor: Actor) -> Selection:
    body.filter.require_filled()
    for name, value in body.filter:
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and (why := text_problem(text)):
                raise Invalid(f"{name} {why}.", field=f"filter.{name}")
    try:
        wanted = filter_of(body.filter, actor)
    except Invalid as error:
        raise Invalid(error.message, field=f"filter.{error.field}") from error
    if wanted is None:
        wanted = AgentFilter(ids=())
    elif body.agent_ids is not None:
        ids = tuple(dict.fromkeys(body.agent_ids))
        wanted = replace(wanted, ids=ids, visible=False)  # hidden agents too, if listed
    return Selection(wanted, tuple(dict.fromkeys(body.excluded_agent_ids)), _query(wanted))


def _query(wanted: AgentFilter) -> str:
    """Return the query string of the agent list that shows these agents, as nearly as possible."""
    parts = {
        name: getattr(wanted, name) for name in ("any", "all", "none", "untagged", "q", "models")
    }
    return to_query(ListState(**parts, show_hidden=not wanted.visible))


def plan_answer(plan: BulkPlan) -> Answer:
    """Return the response for a bulk change: 202 while the worker has work to do, else 200."""
    return json_answer(_state(plan), status=202 if plan.state in _STATES else 200)


def _state(plan: BulkPlan) -> dict[str, Any]:
    refused = loads(plan.refused)
    return {
        **_briefs([plan])[0],
        "difference": difference_of(plan),
        "newer_plan": newer_of(plan),
        "tags": tag_numbers(plan, actor_of_plan(plan)),
        "sample": [
            {"agent_id": one["id"], "name": one["name"], "changes": one["words"]}
            for one in loads(plan.sample)
        ],
        "refused": _refused(refused[:_REFUSED]),
        "refused_count": len(refused),
    }


def _refused(rows: Sequence[tuple[int, str, str]]) -> list[dict[str, Any]]:
    return [{"row": row, "text": text, "why": why} for row, text, why in rows]


def _briefs(plans: Sequence[BulkPlan]) -> list[dict[str, Any]]:
    undos = bulk.undos_of(plans)
    return [_brief(plan, undos.get(plan.change_set_id)) for plan in plans]


def _brief(plan: BulkPlan, undone_by: BulkPlan | None) -> dict[str, Any]:
    is_limited = actor_of_plan(plan).limited
    return {
        "id": str(plan.id),
        "op": plan.op,
        "add": loads(plan.add),
        "remove": loads(plan.remove),
        "filter": filter_state(loads(plan.wanted)),
        "excluded": len(loads(plan.excluded)),
        "reason": plan.reason,
        "by": plan.actor_name,
        "state": plan.state,
        "matched": plan.matched,
        "expected": plan.expected,
        "counts": loads(plan.planned),
        "second_owners": plan.second_owners or 0,
        "is_job": run.is_job(plan),
        "seconds": run.seconds_left(plan),
        "looked": plan.looked,
        "changed": plan.changed,
        "is_lost": retries.is_lost(plan),
        "problem": plan.problem,
        # Limited actors see only their own plans. Change-set numbers would reveal others' activity.
        "change_set": None if is_limited else plan.change_set_id,
        "undoes": None if is_limited else plan.undoes,
        "undone_by": str(undone_by.id) if undone_by else None,
        "created_at": plan.created_at,
        "started_at": plan.started_at,
        "finished_at": plan.finished_at,
    }
