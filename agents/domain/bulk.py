"""Bulk changes of tags, planned first and then applied by the same rule; see bulkrun for the run.

A plan holds the agents it was made for, in batches. Whoever sees a plan may manage tags; a limited
actor sees its own only. All functions raise NotAllowed for others, NotFound for an unknown plan.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from agents import listing
from agents.actors import Actor, Power
from agents.domain import history
from agents.domain.bulkdecide import Outcome, Wish
from agents.domain.bulkplan import Selection as Selection
from agents.domain.bulkplan import keep_actor, plan_on
from agents.errors import Conflict, Invalid, NotFound
from agents.jsontext import dumps, loads
from agents.limits import BULK_PICKED, BULK_PLANNED_AT_ONCE, BULK_TAGS
from agents.models import BulkOp, BulkPlan, BulkState
from agents.tagnames import unique_legal

_FORGOTTEN = timedelta(days=7)  # after which a plan that nobody applied goes


@dataclass(frozen=True, slots=True)
class BulkChange:
    """What to do to each agent, and why. REPLACE has one tag to remove and one to add."""

    op: BulkOp
    add: Collection[object] = ()
    remove: Collection[object] = ()
    reason: str = ""


def make_plan(*, selection: Selection, change: BulkChange, actor: Actor) -> BulkPlan:
    """Plan a change of all agents of a selection; nothing but the plan is written.

    Of more than BULK_PLANNED_AT_ONCE agents it comes back unfinished: `plan_on` does the rest.
    Raises Invalid (tags, reason, too many exclusions, no agent), NotAllowed.
    """
    actor.require(Power.MANAGE, "change agents in bulk")
    wish = checked(change)
    if len(selection.excluded) > BULK_PICKED:
        raise Invalid(f"At most {BULK_PICKED:,} agents can be left out of a selection.")
    if len(selection.wanted.ids or ()) > BULK_PICKED:
        raise Invalid(f"At most {BULK_PICKED:,} agents can be picked one by one.")
    plan = new_plan(
        actor,
        planned_to="",
        op=change.op,
        add=dumps(list(wish.add)),
        remove=dumps(list(wish.remove)),
        wanted=dumps(asdict(selection.wanted)),
        query=selection.query,
        excluded=dumps(list(selection.excluded)),
        reason=change.reason,
    )
    while plan_on(plan.id):
        plan.refresh_from_db()
        if plan.matched >= BULK_PLANNED_AT_ONCE:
            plan.expected = listing.count(selection.wanted, actor=actor)
            plan.save(update_fields=["expected"])
            break
    plan.refresh_from_db()
    return plan


def new_plan(actor: Actor, **fields: Any) -> BulkPlan:
    """Begin a plan, without agents yet; plans that nobody applied go after a week."""
    now = timezone.now()
    unused = [BulkState.PLANNING, BulkState.PLANNED]
    BulkPlan.objects.filter(state__in=unused, created_at__lt=now - _FORGOTTEN).delete()
    plan = BulkPlan(created_at=now, **fields)
    keep_actor(plan, actor)
    plan.save(force_insert=True)
    return plan


def checked(change: BulkChange) -> Wish:
    """The change as a wish, if it is one. Raises Invalid, naming the field."""
    add = unique_legal(change.add, field="add")
    remove = unique_legal(change.remove, field="remove")
    if change.op == BulkOp.ADD and remove:
        raise Invalid("Adding takes no tag off.", field="remove")
    if change.op == BulkOp.REMOVE and add:
        raise Invalid("Removing puts no tag on.", field="add")
    if change.op in (BulkOp.ADD, BulkOp.REPLACE) and not add:
        raise Invalid("Name a tag to put on.", field="add")
    if change.op in (BulkOp.REMOVE, BulkOp.REPLACE) and not remove:
        raise Invalid("Name a tag to take off.", field="remove")
    for name, tags in (("add", add), ("remove", remove)):
        if len(tags) > (1 if change.op == BulkOp.REPLACE else BULK_TAGS):
            most = "One tag" if change.op == BulkOp.REPLACE else f"At most {BULK_TAGS} tags"
            raise Invalid(f"{most} can be changed at once here.", field=name)
    if set(add) & set(remove):
        raise Invalid("A tag cannot be put on and taken off at once.", field="add")
    history.check_reason(change.reason)
    return Wish(tuple(add), tuple(remove), swap=change.op == BulkOp.REPLACE)


def get_plan(plan_id: UUID | str, *, actor: Actor, lock: bool = False) -> BulkPlan:
    """The plan, if it exists for this actor."""
    plans = plans_of(actor).filter(id=plan_id)
    plan = (plans.select_for_update(no_key=True) if lock else plans).first()
    if plan is None:
        raise NotFound("There is no such bulk change.")
    return plan


def plans_of(actor: Actor) -> QuerySet[BulkPlan]:
    """The plans that exist for this actor."""
    actor.require(Power.MANAGE, "change agents in bulk")
    plans = BulkPlan.objects.all()
    return plans if actor.limit is None else plans.filter(actor_id=actor.id)


def plan_of(change_set_id: int) -> BulkPlan | None:
    """The bulk change that made this change-set, if one did: it is undone there, in batches."""
    return BulkPlan.objects.filter(change_set_id=change_set_id).first()


def undos_of(plans: Collection[BulkPlan]) -> dict[int | None, BulkPlan]:
    """By their change-sets, the bulk changes that undo these."""
    sets = [plan.change_set_id for plan in plans if plan.change_set_id is not None]
    return {undo.undoes: undo for undo in BulkPlan.objects.filter(undoes__in=sets)} if sets else {}


def changed_by(change_set_ids: Collection[int]) -> dict[int | None, int]:
    """By their change-sets, how many agents bulk changes have changed."""
    plans = BulkPlan.objects.filter(change_set_id__in=change_set_ids) if change_set_ids else []
    return {plan.change_set_id: plan.changed for plan in plans}


def require_agents(plan: BulkPlan) -> None:
    """Raise Conflict where a plan has nothing to do."""
    if not loads(plan.planned).get(Outcome.CHANGE):
        raise Conflict("This plan changes no agent.")
