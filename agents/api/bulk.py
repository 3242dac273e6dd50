"""/v1/bulk/: changes of many agents, planned first, then applied, stopped, undone. Not Letta's.

What is still to be done by the worker is answered with 202, what is done with 200.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from ninja import Query, Router

from agents import tasks
from agents.actors import Actor
from agents.api.agents import filter_of
from agents.api.answers import Answer, json_answer
from agents.api.auth import actor_of
from agents.api.bulk_bodies import (
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
from agents.api.schemas import READ, READ_ONE, WRITE, answers
from agents.domain import bulk, bulkrun
from agents.domain.bulk import Selection
from agents.domain.bulkrenew import difference_of, newer_of
from agents.domain.bulkresults import results_page
from agents.domain.bulkrows import plan_pairs
from agents.errors import BadRequest, Invalid
from agents.filterparse import ListState, to_query
from agents.filters import AgentFilter
from agents.jsontext import loads
from agents.models import BulkPlan
from agents.models import BulkState as State
from agents.tagnames import text_problem

router = Router(tags=["bulk changes"])

_REFUSED = 200  # rows refused that an answer names
_BEGUN = {202: BulkPlanState}
_STATES = (State.PLANNING, State.RUNNING)


@router.post("/", response=answers(BulkPlanState, WRITE) | _BEGUN)
def make_plan(request: HttpRequest, body: BulkBody) -> Answer:
    """Plan a change of all agents that match; no agent changes yet. For keys with manage scope."""
    actor = actor_of(request)
    selection = _selection(body, actor)
    return _answer(tasks.make_plan(selection=selection, change=body.change(), actor=actor))


@router.post("/rows", response=answers(BulkPlanState, WRITE) | _BEGUN)
def make_plan_of_rows(request: HttpRequest, body: RowsBody) -> Answer:
    """Plan to add tags, to each agent its own. Rows that cannot be used are named with the reason."""
    pairs = [(row.agent_id, row.tag) for row in body.rows]
    return _answer(plan_pairs(pairs=pairs, actor=actor_of(request), reason=body.reason))


@router.get("/", response=answers(list[BulkState], READ))
def list_plans(request: HttpRequest, query: Query[PlansQuery]) -> Answer:
    """Bulk changes, newest first. To go on, give the last one's id as `after`."""
    found = bulk.plans_of(actor_of(request))
    if query.after:
        place = found.filter(id=query.after).first()
        if place is None:
            raise BadRequest(f"There is no bulk change {query.after}, so no page starts from it.")
        older = Q(created_at__lt=place.created_at)
        found = found.filter(older | Q(created_at=place.created_at, id__lt=place.id))
    if query.state:
        found = found.filter(state=query.state)
    page = list(found.order_by("-created_at", "-id")[: query.size])
    return json_answer(_briefs(page))


@router.get("/{plan_id}", response=answers(BulkPlanState, READ_ONE))
def get_plan(request: HttpRequest, plan_id: PlanId) -> Answer:
    """One bulk change: its plan, and how far it is."""
    return json_answer(_state(bulk.get_plan(plan_id, actor=actor_of(request))))


@router.get("/{plan_id}/results", response=answers(ResultsState, READ_ONE))
def list_results(request: HttpRequest, plan_id: PlanId, query: Query[ResultsQuery]) -> Answer:
    """What became of each agent, page by page."""
    plan = bulk.get_plan(plan_id, actor=actor_of(request))
    page, after = results_page(plan, after=query.after, size=query.size, skipped=query.skipped)
    rows = [
        {
            "agent_id": one.public_id,
            "name": one.name,
            "result": one.outcome or "waiting",
            "why": one.why,
        }
        for one in page
    ]
    return json_answer({"results": rows, "after": after})


@router.get("/{plan_id}/refused", response=answers(RefusedPage, READ_ONE))
def list_refused(request: HttpRequest, plan_id: PlanId, query: Query[RefusedQuery]) -> Answer:
    """Every row that is not part of the plan, and why, page by page."""
    plan = bulk.get_plan(plan_id, actor=actor_of(request))
    rows, end = loads(plan.refused), query.after + query.size
    after = end if end < len(rows) else None
    return json_answer({"refused": _refused(rows[query.after : end]), "after": after})


@router.post("/{plan_id}/apply", response=answers(BulkPlanState, WRITE) | _BEGUN | {409: NewerPlan})
def apply_plan(request: HttpRequest, plan_id: PlanId) -> Answer:
    """Do what was planned. Called again it changes nothing and answers how far it is.

    Where other agents match by now, nothing is done: the answer is 409 and names the plan that has
    been made for these. Of more than 20,000 agents the worker finds that out, and `newer_plan` says so.
    """
    actor = actor_of(request)
    newer = tasks.renewed(bulk.get_plan(plan_id, actor=actor), actor=actor)
    if newer is not None:
        said = "Other agents match now. Look at the new plan, and apply that one."
        return json_answer({"detail": said, "plan_id": str(newer.id)}, status=409)
    return _answer(tasks.begin(plan_id=plan_id, actor=actor))


@router.post("/{plan_id}/stop", response=answers(BulkPlanState, WRITE))
def stop(request: HttpRequest, plan_id: PlanId) -> Answer:
    """Stop it where it is; what is done stays done. One that does not run stays as it is."""
    return json_answer(_state(bulkrun.stop(plan_id=plan_id, actor=actor_of(request))))


@router.post("/{plan_id}/resume", response=answers(BulkPlanState, WRITE) | _BEGUN)
def resume(request: HttpRequest, plan_id: PlanId) -> Answer:
    """Let one that was stopped, or that lost its worker, go on. 409 once it is undone."""
    return _answer(tasks.resume(plan_id=plan_id, actor=actor_of(request)))


@router.post("/{plan_id}/undo", response=answers(BulkPlanState, WRITE) | _BEGUN)
def undo(request: HttpRequest, plan_id: PlanId) -> Answer:
    """Undo all that it changed, by a bulk change of its own, which is the answer.

    Called again it answers the same one. 409 while it runs, or where it changed nothing.
    """
    return _answer(tasks.begin_undo(plan_id=plan_id, actor=actor_of(request)))


def _selection(body: BulkBody, actor: Actor) -> Selection:
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
        wanted = replace(wanted, ids=tuple(dict.fromkeys(body.agent_ids)))
    return Selection(wanted, tuple(dict.fromkeys(body.excluded_agent_ids)), _query(wanted))


def _query(wanted: AgentFilter) -> str:
    """The address of the list that shows these agents, or as near as an address comes."""
    parts = {
        name: getattr(wanted, name) for name in ("any", "all", "none", "untagged", "q", "models")
    }
    return to_query(ListState(**parts))


def _answer(plan: BulkPlan) -> Answer:
    return json_answer(_state(plan), status=202 if plan.state in _STATES else 200)


def _state(plan: BulkPlan) -> dict[str, Any]:
    refused = loads(plan.refused)
    return {
        **_briefs([plan])[0],
        "difference": difference_of(plan),
        "newer_plan": newer_of(plan),
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
        "is_job": bulkrun.is_job(plan),
        "seconds": bulkrun.seconds_left(plan),
        "looked": plan.looked,
        "changed": plan.changed,
        "is_lost": bulkrun.is_lost(plan),
        "problem": plan.problem,
        "change_set": plan.change_set_id,
        "undoes": plan.undoes,
        "undone_by": str(undone_by.id) if undone_by else None,
        "created_at": plan.created_at,
        "started_at": plan.started_at,
        "finished_at": plan.finished_at,
    }
