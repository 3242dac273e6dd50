"""Make and find the plans of bulk changes. `run` applies them by the same rule.

A plan stores the agents it was made for, in batches. An actor that may manage tags sees all plans; a
limited actor sees only its own that it made as a limited actor. All functions raise NotAllowed for other
actors, and NotFound for an unknown plan.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from agents.core.actors import Actor, Power
from agents.core.errors import BadRequest, Conflict, Invalid, LimitExceeded, NotFound
from agents.core.filters import AgentFilter
from agents.core.json_text import dumps, loads
from agents.core.limits import BULK_PICKED, BULK_PLANNED_AT_ONCE, BULK_TAGS
from agents.core.tag_text import shown, unique_legal
from agents.domain.agents.model_handles import require_model
from agents.domain.bulk.decide import Outcome, Wish
from agents.domain.bulk.planning import UNLIMITED, plan_next, store_actor
from agents.domain.bulk.planning import Selection as Selection
from agents.domain.core import idempotency, record
from agents.domain.core.idempotency import Once
from agents.domain.core.transactions import write
from agents.domain.tags.tag_rows import names_user
from agents.models import BulkOp, BulkPlan, BulkState, Owners
from agents.queries import agents

_UNUSED_PLAN_AGE = timedelta(days=7)  # a plan that nobody applied is deleted after this


@dataclass(frozen=True, slots=True)
class BulkChange:
    """What to do to each agent, and why. REPLACE has one tag to remove and one to add, MOVE one user to add.

    `owners` says what to do with agents that would get a second owner; None asks.
    """

    op: BulkOp
    add: Collection[object] = ()
    remove: Collection[object] = ()
    reason: str = ""
    owners: Owners | None = None


def make_plan(
    *, selection: Selection, change: BulkChange, actor: Actor, once: Once | None = None
) -> BulkPlan:
    """Plan a change of all agents of a selection. Writes only the plan.

    A plan of more than BULK_PLANNED_AT_ONCE agents is returned unfinished: `plan_next` does the rest.
    Raises Invalid (tags, reason, too many exclusions, no agent), NotAllowed.
    """
    actor.require(Power.MANAGE, "change agents in bulk")
    wish = _CHECKED.get(change.op, checked)(change)
    if change.op == BulkOp.MOVE:
        _require_user(wish.add[0], actor)
    if len(selection.excluded) > BULK_PICKED:
        raise LimitExceeded(f"A selection can exclude at most {BULK_PICKED:,} agents.")
    if len(selection.wanted.ids or ()) > BULK_PICKED:
        raise LimitExceeded(f"A selection can name at most {BULK_PICKED:,} agents by id.")
    plan = new_plan(
        actor,
        once,
        planned_to="",
        op=change.op,
        add=dumps(list(wish.add)),
        remove=dumps(list(wish.remove)),
        wanted=dumps(_stored(selection.wanted)),
        query=selection.query,
        excluded=dumps(list(selection.excluded)),
        reason=change.reason,
        owners=change.owners,
    )
    while plan_next(plan.id):
        plan.refresh_from_db()
        if plan.matched >= BULK_PLANNED_AT_ONCE:
            plan.expected = agents.count(selection.wanted, actor=actor)
            plan.save(update_fields=["expected"])
            break
    plan.refresh_from_db()
    return plan


def _stored(wanted: AgentFilter) -> dict[str, Any]:
    """Return a filter as a plan stores it. Workers of 0.2.0 do not know some parts."""
    new = {
        name for name in ("sources", "kept_here", "unused", "words") if not getattr(wanted, name)
    }
    return {name: value for name, value in asdict(wanted).items() if name not in new}


@write
def new_plan(actor: Actor, once: Once | None = None, **fields: Any) -> BulkPlan:
    """Create a plan without agents, and delete plans that nobody applied within a week.

    `once` makes at most one plan for that request. Raises what `idempotency.begin` raises.
    """
    if once is not None:
        idempotency.begin(once)
    now = timezone.now()
    unused = [BulkState.PLANNING, BulkState.PLANNED]
    BulkPlan.objects.filter(state__in=unused, created_at__lt=now - _UNUSED_PLAN_AGE).delete()
    plan = BulkPlan(created_at=now, **fields)
    store_actor(plan, actor)
    plan.save(force_insert=True)
    if once is not None:
        idempotency.record(once, status=200, made=[str(plan.id)])
    return plan


def checked(change: BulkChange) -> Wish:
    """Return the change as a wish. Raises Invalid, naming the field."""
    add = unique_legal(change.add, field="add")
    remove = unique_legal(change.remove, field="remove")
    if change.op == BulkOp.ADD and remove:
        raise Invalid("`remove` must be empty when adding tags.", field="remove")
    if change.op == BulkOp.REMOVE and add:
        raise Invalid("`add` must be empty when removing tags.", field="add")
    if change.op == BulkOp.MOVE:
        _check_move(add, remove)
    if change.op in (BulkOp.ADD, BulkOp.REPLACE) and not add:
        raise Invalid("Name a tag to add.", field="add")
    if change.op in (BulkOp.REMOVE, BulkOp.REPLACE) and not remove:
        raise Invalid("Name a tag to remove.", field="remove")
    for name, tags in (("add", add), ("remove", remove)):
        if len(tags) > (1 if change.op == BulkOp.REPLACE else BULK_TAGS):
            if change.op == BulkOp.REPLACE:
                raise Invalid("Name exactly one tag here.", field=name)
            raise LimitExceeded(f"Name at most {BULK_TAGS} tags here.", field=name)
    if set(add) & set(remove):
        raise Invalid("A tag cannot be added and removed in the same change.", field="add")
    record.check_reason(change.reason)
    return Wish(tuple(add), tuple(remove), swap=change.op == BulkOp.REPLACE)


def checked_model(change: BulkChange) -> Wish:
    """Return a change of the model as a wish whose `add` is the handle. Raises Invalid."""
    record.check_reason(change.reason)
    if len(change.add) != 1:
        raise Invalid("Name exactly one model.", field="add")
    try:
        return Wish((require_model(str(next(iter(change.add)))),))
    except (Invalid, BadRequest) as error:
        raise Invalid("Enter the model as provider/name.", field="add") from error


def checked_delete(change: BulkChange) -> Wish:
    """Return a deletion as a wish. Raises Invalid."""
    record.check_reason(change.reason)
    if change.add or change.remove:
        raise Invalid("A deletion takes no tags.", field="add" if change.add else "remove")
    return Wish(deletes=True)


_CHECKED = {BulkOp.MODEL: checked_model, BulkOp.DELETE: checked_delete}


def _check_move(add: Sequence[str], remove: Sequence[str]) -> None:
    if remove:
        raise Invalid("`remove` must be empty when moving agents.", field="remove")
    if len(add) != 1:
        raise Invalid("Name exactly one user.", field="add")


def _require_user(name: str, actor: Actor) -> None:
    if not names_user(name, actor):
        raise Invalid(f"{shown(name)} is not a user tag. Enter a user.", field="add")


def get_plan(plan_id: UUID | str, *, actor: Actor, lock: bool = False) -> BulkPlan:
    """Return the plan with this id, locked if asked."""
    plans = plans_of(actor).filter(id=plan_id)
    plan = (plans.select_for_update(no_key=True) if lock else plans).first()
    if plan is None:
        raise NotFound("There is no such bulk change.")
    return plan


def plans_of(actor: Actor) -> QuerySet[BulkPlan]:
    """Return the plans that this actor may see."""
    actor.require(Power.MANAGE, "change agents in bulk")
    if not actor.limited:
        return BulkPlan.objects.all()
    return BulkPlan.objects.filter(actor_id=actor.id).exclude(actor__contains=UNLIMITED)


def plan_of(change_set_id: int) -> BulkPlan | None:
    """Return the bulk change that made this change-set, if any. Undo that, in batches."""
    return BulkPlan.objects.filter(change_set_id=change_set_id).first()


def undos_of(plans: Collection[BulkPlan]) -> dict[int | None, BulkPlan]:
    """Return the bulk changes that undo these, by the change-set that they undo."""
    sets = [plan.change_set_id for plan in plans if plan.change_set_id is not None]
    return {undo.undoes: undo for undo in BulkPlan.objects.filter(undoes__in=sets)} if sets else {}


def changed_by(change_set_ids: Collection[int]) -> dict[int | None, int]:
    """Return how many agents bulk changes have changed, by their change-sets."""
    plans = BulkPlan.objects.filter(change_set_id__in=change_set_ids) if change_set_ids else []
    return {plan.change_set_id: plan.changed for plan in plans}


def require_agents(plan: BulkPlan) -> None:
    """Raise Conflict if the plan changes no agent."""
    if not loads(plan.planned).get(Outcome.CHANGE):
        raise Conflict("This plan changes no agent.")
