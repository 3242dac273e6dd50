"""Long work: what the worker (`manage.py db_worker`) does, and how it is asked for.

A task is short: it does batches for some seconds and asks for the next one, so that a worker can be
stopped politely and does other work in between. A second task looks after the run from time to time
and starts it again when its worker was killed. Both are rows in the database, written in the
transaction that begins the run.
"""

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from math import inf
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone
from django_tasks import task

from agents.actors import Actor
from agents.domain import bulk, bulkrenew, bulkrun, undo_set
from agents.domain.bulk import BulkChange, Selection, get_plan, plan_of
from agents.errors import DomainError
from agents.models import BulkPlan, BulkState

_log = logging.getLogger(__name__)

_SLICE = 5.0  # seconds of one task
_LOOK = timedelta(seconds=15)  # between two looks after a run
# Between two batches. On SQLite a waiting writer asks again within 8 ms: a shorter gap it would miss
# again and again.
_GAP = {"sqlite": 0.02, "postgresql": 0.01}


def make_plan(*, selection: Selection, change: BulkChange, actor: Actor) -> BulkPlan:
    """Plan a change; a very large one is left to the worker. Raises as `bulk.make_plan`."""
    plan = bulk.make_plan(selection=selection, change=change, actor=actor)
    _ask_for(plan)
    return plan


def renewed(plan: BulkPlan, *, actor: Actor) -> BulkPlan | None:
    """The plan made anew where other agents match now; see `bulkrenew.renewed`."""
    newer = bulkrenew.renewed(plan, actor=actor)
    if newer is not None:
        _ask_for(newer)
    return newer


def begin(*, plan_id: UUID | str, actor: Actor) -> BulkPlan:
    """Apply a plan, a small one to its end; a large one is left to the worker.

    Each batch is a transaction of its own, here as there: others write in between. Raises as
    `bulkrun.begin`.
    """
    return _begin(bulkrun.begin, plan_id, actor)


def begin_undo(*, plan_id: UUID | str, actor: Actor) -> BulkPlan:
    """Undo a run, as `begin` applies one. Raises as `bulkrun.begin_undo`."""
    return _begin(bulkrun.begin_undo, plan_id, actor)


def undo(*, change_set_id: int, actor: Actor) -> BulkPlan | undo_set.SetUndone:
    """Undo any change-set: what a bulk change did by a run of its own, else at once.

    Raises as `begin_undo` and `undo_set.undo_set`.
    """
    undo_set.require_unlimited(actor)
    if (plan := plan_of(change_set_id)) is not None:
        return begin_undo(plan_id=plan.id, actor=actor)
    return undo_set.undo_set(change_set_id=change_set_id, actor=actor)


def resume(*, plan_id: UUID | str, actor: Actor) -> BulkPlan:
    """Let a stopped run go on, or one that lost its worker. Raises as `bulkrun.resume`."""
    with transaction.atomic():
        lost = bulkrun.is_lost(get_plan(plan_id, actor=actor, lock=True))
        plan = bulkrun.resume(plan_id=plan_id, actor=actor)
        if plan.beat_at is None or lost:
            _ask_for(plan)
    return plan


def _begin(start: Callable[..., BulkPlan], plan_id: UUID | str, actor: Actor) -> BulkPlan:
    with transaction.atomic():
        plan = start(plan_id=plan_id, actor=actor)
        begun = plan.next_batch == 0 and plan.beat_at is None
        here = begun and plan.state == BulkState.RUNNING and not bulkrun.is_job(plan)
        if here:
            _look_later(str(plan.id))  # should this process end in the middle
        elif begun:
            _ask_for(plan)
    if here:
        _steps(str(plan.id))
        plan.refresh_from_db()
    return plan


def _ask_for(plan: BulkPlan) -> None:
    if plan.state not in bulkrun.UNDER_WAY:
        return
    run_bulk.enqueue(str(plan.id))
    _look_later(str(plan.id))


def _look_later(plan_id: str) -> None:
    look_after_bulk.using(run_after=timezone.now() + _LOOK).enqueue(plan_id)


@task()
def run_bulk(plan_id: str) -> None:
    """Plan, or do batches of a run, for some seconds, then ask to go on."""
    if not _steps(plan_id, seconds=_SLICE):
        run_bulk.enqueue(plan_id)


def _steps(plan_id: str, *, seconds: float = inf) -> bool:
    """Do batches to the end, or for some seconds; False if there may be more."""
    end = time.monotonic() + seconds
    gap = _GAP[connection.vendor]
    try:
        if (newer := bulkrenew.renewed_late(plan_id)) is not None:
            _ask_for(newer)
            return True
        while bulkrun.step(plan_id):
            time.sleep(gap)  # others get their turn
            if time.monotonic() > end:
                return False
    except DomainError as error:
        bulkrun.give_up(plan_id, error.message)
    except Exception:
        _log.exception("Bulk change %s stopped", plan_id)
        bulkrun.give_up(plan_id, "Something went wrong on the server; its log says what.")
        raise
    return True


@task()
def look_after_bulk(plan_id: str) -> None:
    """Start a run again that has lost its worker; look again later until it is over."""
    plan = BulkPlan.objects.filter(id=plan_id).first()
    if plan is None or plan.state not in bulkrun.UNDER_WAY:
        return
    if bulkrun.is_lost(plan):
        run_bulk.enqueue(plan_id)
    _look_later(plan_id)
