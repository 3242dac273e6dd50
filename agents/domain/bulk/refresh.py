"""Compare a bulk plan with the agents that match when it is applied; plan again if they differ.

Comparing takes about 5 s for a million agents. The worker compares very large plans, before the first
batch. A request compares all others.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from agents.core.actors import Actor
from agents.core.errors import Conflict
from agents.core.json_text import dumps, loads
from agents.core.limits import BULK_PLANNED_AT_ONCE
from agents.domain.bulk.from_csv import rows_again
from agents.domain.bulk.planning import actor_of_plan, owners_of, selection_of, walk
from agents.domain.bulk.plans import BulkChange, get_plan, make_plan
from agents.domain.bulk.rights import with_current_rights
from agents.domain.core.transactions import write
from agents.models import FILE_OPS, BulkOp, BulkPlan, BulkState, Owners

_BEAT = timedelta(seconds=2)


def plan_again(plan: BulkPlan, *, actor: Actor) -> BulkPlan | None:
    """Make a new plan, with the difference, if other agents match now.

    None if the same agents match, or if the plan is so large that the worker compares it.
    """
    if plan.state != BulkState.PLANNED or plan.wanted == "null" or _is_for_worker(plan):
        return None
    difference = _difference(plan, actor)
    return None if difference is None else _plan_again(plan, difference, actor)


def plan_again_late(plan_id: UUID | str) -> BulkPlan | None:
    """Make a new plan for a very large plan that was just applied, if other agents match now.

    The old plan is then no longer running and gives the reason. Call it before the run's first batch.
    Reads outside a transaction. Raises NotAllowed if the plan's actor lost its rights.
    """
    plan = BulkPlan.objects.filter(id=plan_id, state=BulkState.RUNNING, next_batch=0).first()
    if plan is None or plan.wanted == "null" or not _is_for_worker(plan):
        return None
    actor = with_current_rights(actor_of_plan(plan))
    difference = _difference(plan, actor)
    if difference is None:
        return None
    newer = _plan_again(plan, difference, actor)
    if _back_to_planned(plan, newer):
        return newer
    newer.delete()
    return None


def change_of(plan: BulkPlan) -> BulkChange:
    """Return the change that a plan of a selection makes to each agent."""
    add, remove = loads(plan.add), loads(plan.remove)
    return BulkChange(BulkOp(plan.op), add, remove, plan.reason, owners_of(plan))


def revise(
    *,
    plan_id: UUID | str,
    owners: Owners | None = None,
    use: tuple[str, str] | None = None,
    actor: Actor,
) -> BulkPlan:
    """Plan again with a decision about second owners, or with a tag replaced: (tag, other).

    To keep both owners is a mark on the same plan. Everything else is a new plan for the agents that match
    now. Raises NotFound, NotAllowed, Invalid, Conflict (the plan has begun).
    """
    plan = get_plan(plan_id, actor=actor)
    if plan.state != BulkState.PLANNED:
        raise Conflict("This bulk change has begun. Plan another one.")
    if owners == Owners.KEEP:
        BulkPlan.objects.filter(id=plan.id, state=BulkState.PLANNED).update(owners=owners)
        plan.owners = owners
        return plan
    owners = owners or owners_of(plan)
    if plan.op in FILE_OPS:
        return rows_again(plan, owners=owners, use=use, actor=actor)
    change = replace(change_of(plan), owners=owners)
    if use is not None:
        names = (use[1] if name == use[0] else name for name in change.add)
        change = replace(change, add=list(dict.fromkeys(names)))
    return make_plan(selection=selection_of(plan), change=change, actor=actor)


def newer_of(plan: BulkPlan) -> str | None:
    """Return the id of the plan by which the worker replaced this one, if it did."""
    found = (loads(plan.difference) or {}).get("newer")
    return found if plan.state == BulkState.PLANNED else None


def difference_of(plan: BulkPlan) -> dict[str, int] | None:
    """Return how many agents came and went since the previous plan, if there was one."""
    known = loads(plan.difference) or {}
    return {"came": known["came"], "went": known["went"]} if "came" in known else None


def planned_seqs(plan: BulkPlan) -> Iterator[int]:
    """Yield the keys of a plan's agents in its order, with a few batches in memory at a time."""
    batches = plan.batches.order_by("number").values_list("items", flat=True)
    for items in batches.iterator(chunk_size=20):
        for item in loads(items):
            yield item if isinstance(item, int) else item[0]


def _is_for_worker(plan: BulkPlan) -> bool:
    return plan.matched > BULK_PLANNED_AT_ONCE


@write
def _back_to_planned(plan: BulkPlan, newer: BulkPlan) -> bool:
    """Set a plan to PLANNED again. False if a batch has run or someone has stopped it."""
    now = BulkPlan.objects.select_for_update(no_key=True).filter(id=plan.id).first()
    if now is None or now.state != BulkState.RUNNING or now.next_batch:
        return False
    plan.state, plan.started_at, plan.beat_at = BulkState.PLANNED, None, None
    plan.problem = "Other agents match now than when this was planned. Nothing was changed."
    known = loads(plan.difference) or {}
    plan.difference = dumps(known | {"newer": str(newer.id)})
    plan.save(update_fields=["state", "started_at", "beat_at", "problem", "difference"])
    return True


def _plan_again(plan: BulkPlan, difference: dict[str, int], actor: Actor) -> BulkPlan:
    new = make_plan(selection=selection_of(plan), change=change_of(plan), actor=actor)
    new.difference = dumps(difference)
    new.save(update_fields=["difference"])
    return new


def _difference(plan: BulkPlan, actor: Actor) -> dict[str, int] | None:
    """Count the agents that came and went; None if none did. Both lists are newest first."""
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
    """Yield the keys of the agents that match now. Updates the heartbeat of a run meanwhile."""
    beat = timezone.now()
    for seqs in walk(selection_of(plan), actor):
        if timezone.now() - beat > _BEAT:
            beat = timezone.now()
            running = BulkPlan.objects.filter(id=plan.id, state=BulkState.RUNNING)
            running.update(beat_at=beat)
        yield from seqs
