"""A bulk plan held against the agents that match when it is applied; made anew where others do.

To compare takes about 5 s for a million agents. What the worker planned, it also compares, before
the first batch; a request does so for the others.
"""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from agents.actors import Actor
from agents.domain.bulk import BulkChange, make_plan
from agents.domain.bulkplan import actor_of_plan, selection_of, walk
from agents.domain.standing import standing
from agents.domain.transactions import write
from agents.jsontext import dumps, loads
from agents.limits import BULK_PLANNED_AT_ONCE
from agents.models import BulkOp, BulkPlan, BulkState

_BEAT = timedelta(seconds=2)


def renewed(plan: BulkPlan, *, actor: Actor) -> BulkPlan | None:
    """The plan made anew where other agents match now, with the difference; None if all is the same,
    or where it is left to the worker to look."""
    if plan.state != BulkState.PLANNED or plan.wanted == "null" or _is_workers(plan):
        return None
    difference = _difference(plan, actor)
    return None if difference is None else _anew(plan, difference, actor)


def renewed_late(plan_id: UUID | str) -> BulkPlan | None:
    """The same for a very large plan that was just applied; it is as before then, and says why.

    Call it before a run's first batch. Reads outside a transaction. Raises NotAllowed where who
    applied it no longer may.
    """
    plan = BulkPlan.objects.filter(id=plan_id, state=BulkState.RUNNING, next_batch=0).first()
    if plan is None or plan.wanted == "null" or not _is_workers(plan):
        return None
    actor = standing(actor_of_plan(plan))
    difference = _difference(plan, actor)
    if difference is None:
        return None
    newer = _anew(plan, difference, actor)
    if _take_back(plan, newer):
        return newer
    newer.delete()
    return None


def newer_of(plan: BulkPlan) -> str | None:
    """The id of the plan that the worker made in its place, where it did."""
    found = (loads(plan.difference) or {}).get("newer")
    return found if plan.state == BulkState.PLANNED else None


def difference_of(plan: BulkPlan) -> dict[str, int] | None:
    """How many agents came and went since the plan before, where there was one."""
    known = loads(plan.difference) or {}
    return {"came": known["came"], "went": known["went"]} if "came" in known else None


def planned_seqs(plan: BulkPlan) -> Iterator[int]:
    """The keys of a plan's agents, in its order, a few batches in memory at a time."""
    batches = plan.batches.order_by("number").values_list("items", flat=True)
    for items in batches.iterator(chunk_size=20):
        for item in loads(items):
            yield item if isinstance(item, int) else item[0]


def _is_workers(plan: BulkPlan) -> bool:
    return plan.matched > BULK_PLANNED_AT_ONCE


@write
def _take_back(plan: BulkPlan, newer: BulkPlan) -> bool:
    """Let it be as before it was begun; False where another runner, or who stops it, was first."""
    now = BulkPlan.objects.select_for_update(no_key=True).filter(id=plan.id).first()
    if now is None or now.state != BulkState.RUNNING or now.next_batch:
        return False
    plan.state, plan.started_at, plan.beat_at = BulkState.PLANNED, None, None
    plan.problem = "Other agents match now than were planned. Nothing was changed."
    known = loads(plan.difference) or {}
    plan.difference = dumps(known | {"newer": str(newer.id)})
    plan.save(update_fields=["state", "started_at", "beat_at", "problem", "difference"])
    return True


def _anew(plan: BulkPlan, difference: dict[str, int], actor: Actor) -> BulkPlan:
    change = BulkChange(BulkOp(plan.op), loads(plan.add), loads(plan.remove), plan.reason)
    new = make_plan(selection=selection_of(plan), change=change, actor=actor)
    new.difference = dumps(difference)
    new.save(update_fields=["difference"])
    return new


def _difference(plan: BulkPlan, actor: Actor) -> dict[str, int] | None:
    """How many agents came and went; both in falling order of their keys, walked side by side."""
    before, now = planned_seqs(plan), _matching(plan, actor)
    came = went = 0
    old, new = next(before, None), next(now, None)
    while old is not None or new is not None:
        if old == new:
            old, new = next(before, None), next(now, None)
        elif new is None or (old is not None and old > new):
            went, old = went + 1, next(before, None)
        else:
            came, new = came + 1, next(now, None)
    return {"came": came, "went": went} if came or went else None


def _matching(plan: BulkPlan, actor: Actor) -> Iterator[int]:
    """The keys of the agents that match now. A run says meanwhile that somebody is at it."""
    beat = timezone.now()
    for seqs in walk(selection_of(plan), actor):
        if timezone.now() - beat > _BEAT:
            beat = timezone.now()
            running = BulkPlan.objects.filter(id=plan.id, state=BulkState.RUNNING)
            running.update(beat_at=beat)
        yield from seqs
