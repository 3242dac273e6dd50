"""Bulk changes as pages and the API ask for them: small ones at once, large ones by the worker.

See `bulk_worker` for what the worker does.
"""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from agents.core.actors import Actor
from agents.domain import users
from agents.domain.bulk import from_csv, refresh, retries, run, whole_tag
from agents.domain.bulk import plans as bulk
from agents.domain.bulk.plans import BulkChange, Selection, get_plan, plan_of
from agents.domain.core.idempotency import Once
from agents.domain.directory import merge, plans
from agents.domain.directory.rename import TagResult
from agents.domain.history import undo_set
from agents.models import BulkPlan, BulkState
from agents.tasks.bulk_worker import ask_for, look_later, run_here


def make_plan(
    *, selection: Selection, change: BulkChange, actor: Actor, once: Once | None = None
) -> BulkPlan:
    """Plan a change; the worker finishes a very large plan. Raises as `plans.make_plan`."""
    look_later()
    plan = bulk.make_plan(selection=selection, change=change, actor=actor, once=once)
    ask_for(plan)
    return plan


def plan_rows(*, text: str, actor: Actor, **how: Any) -> BulkPlan:
    """Plan the rows of a CSV text. `how` and errors as of `from_csv.plan_rows`."""
    look_later()
    return from_csv.plan_rows(text=text, actor=actor, **how)


def plan_pairs(
    *,
    pairs: Sequence[tuple[str, str]],
    actor: Actor,
    reason: str = "",
    once: Once | None = None,
) -> BulkPlan:
    """Plan pairs of agent and tag. Raises as `from_csv.plan_pairs`."""
    look_later()
    return from_csv.plan_pairs(pairs=pairs, actor=actor, reason=reason, once=once)


def plan_again(plan: BulkPlan, *, actor: Actor) -> BulkPlan | None:
    """Make a new plan if other agents match now; see `refresh.plan_again`."""
    newer = refresh.plan_again(plan, actor=actor)
    if newer is not None:
        ask_for(newer)
    return newer


def revise(*, plan_id: UUID | str, actor: Actor, **how: Any) -> BulkPlan:
    """Plan again; see `refresh.revise`."""
    newer = refresh.revise(plan_id=plan_id, actor=actor, **how)
    ask_for(newer)
    return newer


def begin(*, plan_id: UUID | str, actor: Actor) -> BulkPlan:
    """Apply a plan: a small one to its end, a large one by the worker.

    In both cases each batch is a transaction of its own, so others can write in between. Raises as
    `run.begin`.
    """
    return _begin(run.begin, plan_id, actor)


def begin_undo(*, plan_id: UUID | str, actor: Actor) -> BulkPlan:
    """Undo a run in the way `begin` applies a plan. Raises as `run.begin_undo`."""
    return _begin(run.begin_undo, plan_id, actor)


def undo(*, change_set_id: int, actor: Actor) -> BulkPlan | undo_set.SetUndone:
    """Undo any change-set: that of a bulk change by another run, all others at once.

    Raises as `begin_undo` and `undo_set.undo_set`.
    """
    undo_set.require_unlimited(actor)
    if (plan := plan_of(change_set_id)) is not None:
        return begin_undo(plan_id=plan.id, actor=actor)
    return undo_set.undo_set(change_set_id=change_set_id, actor=actor)


def merge_tags(*, source: str, target: str, actor: Actor, **how: Any) -> TagResult | BulkPlan:
    """Merge a tag into another: at once, or by a bulk change if very many agents carry it.

    `how` is a fingerprint and a reason. Raises as `merge.merge_tags`.
    """
    if not plans.plan_merge(source=source, target=target, actor=actor).is_job:
        return merge.merge_tags(source=source, target=target, actor=actor, **how)
    return _by_worker(whole_tag.begin_merge, source=source, target=target, actor=actor, **how)


def delete_tag(*, name: str, actor: Actor, **how: Any) -> TagResult | BulkPlan:
    """Delete a tag: at once, or by a bulk change. Raises as `merge.delete_tag`."""
    if not plans.plan_delete(name=name, actor=actor).is_job:
        return merge.delete_tag(name=name, actor=actor, **how)
    return _by_worker(whole_tag.begin_delete, name=name, actor=actor, **how)


def move(*, name: str, to: str, actor: Actor, **how: Any) -> TagResult | BulkPlan:
    """Move a user's agents to another user: at once, or by a bulk change. Raises as `users.move`."""
    if not users.plan_move(name=name, to=to, actor=actor).is_job:
        return users.move(name=name, to=to, actor=actor, **how)
    return _by_worker(whole_tag.begin_merge, source=name, target=to, actor=actor, **how)


def _by_worker(start: Callable[..., BulkPlan], **asked: Any) -> BulkPlan:
    with transaction.atomic():
        plan = start(**asked)
        ask_for(plan)
    return plan


def resume(*, plan_id: UUID | str, actor: Actor) -> BulkPlan:
    """Resume a run that was stopped or lost its worker. Raises as `run.resume`."""
    with transaction.atomic():
        lost = retries.is_lost(get_plan(plan_id, actor=actor, lock=True))
        plan = run.resume(plan_id=plan_id, actor=actor)
        if plan.beat_at is None or lost:
            ask_for(plan)
    return plan


def _begin(start: Callable[..., BulkPlan], plan_id: UUID | str, actor: Actor) -> BulkPlan:
    with transaction.atomic():
        plan = start(plan_id=plan_id, actor=actor)
        begun = plan.next_batch == 0 and plan.beat_at is None
        here = begun and plan.state == BulkState.RUNNING and not run.is_job(plan)
        if here:
            look_later(str(plan.id))  # in case this process ends in the middle
        elif begun:
            ask_for(plan)
    if here:
        run_here(plan)
        plan.refresh_from_db()
    return plan
