"""What the worker (`manage.py db_worker`) does for bulk changes.

A task is short: it runs batches for some seconds and then queues the next task, so a worker can stop
cleanly and do other work in between. A second task looks after all bulk changes every 15 seconds and
restarts those whose worker was killed. Both are queued in the database before the run begins.
Passing errors are retried with growing pauses; other errors stop the run.
"""

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from math import inf
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone
from django_tasks import task
from django_tasks_db.models import DBTaskResult

from ade.ops import outage
from agents.core.errors import Busy, DomainError
from agents.domain.bulk import refresh, retries, run
from agents.models import BulkPlan
from agents.tasks.names import stored_as

_log = logging.getLogger(__name__)

_SLICE = 5.0  # seconds of one task
_LOOK = timedelta(seconds=15)  # between two looks after the bulk changes
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 10.0  # seconds that a worker waits for its database
# Seconds between two batches. On SQLite a waiting writer asks again within 8 ms: it would miss a
# shorter gap again and again.
_GAP = {"sqlite": 0.02, "postgresql": 0.01}
# On SQLite a batch blocks all other writers: they get as much time as it took, up to this.
_LONGEST_GAP = {"sqlite": 0.1, "postgresql": 0.01}
# No plan has this id.
_NO_PLAN = str(UUID(int=0))


def ask_for(plan: BulkPlan) -> None:
    """Queue the next task of a plan, if a worker has something to do for it."""
    if plan.state in retries.UNDER_WAY:
        run_bulk.enqueue(str(plan.id))
        look_later(str(plan.id))


def look_later(plan_id: str = _NO_PLAN) -> None:
    """Queue a look after all bulk changes, unless one with this plan's id is already waiting.

    Call it before a plan is made, so that the plan of an interrupted request does not stay behind.
    A worker of 0.2.0 looks after the plan of this id only. With one look for each plan, no plan is
    forgotten when that worker takes a task.
    """
    waiting = DBTaskResult.objects.filter(
        task_path=look_after_bulk.module_path, status="READY", args_kwargs__args=[plan_id]
    )
    if not waiting.exists():
        look_after_bulk.using(run_after=timezone.now() + _LOOK).enqueue(plan_id)


def run_here(plan: BulkPlan) -> None:
    """Run a small plan to its end in this process. Raises passing errors of the database."""
    _run_batches(str(plan.id), seconds=inf)


@task()
@stored_as("agents.tasks")
def run_bulk(plan_id: str) -> None:
    """Plan, or run batches, for some seconds, then queue the next task."""
    _run_batches(plan_id, seconds=_SLICE, wait_for_database=True)


@task()
@stored_as("agents.tasks")
def look_after_bulk(plan_id: str = _NO_PLAN) -> None:
    """Restart the bulk changes that lost their worker, and look again later until all are done.

    `plan_id` is for workers of 0.2.0; see `look_later`.
    """
    retry_until_done(_look)


def look_after_start() -> None:
    """Queue a look when a worker starts: the last worker may have ended with the only task of a run."""
    retries.reopen_unfinished()
    under_way = BulkPlan.objects.filter(state__in=retries.UNDER_WAY)
    for plan_id in under_way.values_list("id", flat=True):
        look_later(str(plan_id))


def _look() -> None:
    with transaction.atomic():
        for plan in retries.lost_plans():
            run_bulk.enqueue(str(plan.id))
        look_after_start()


def _run_batches(plan_id: str, *, seconds: float, wait_for_database: bool = False) -> None:
    """Run batches to the end, or for some seconds, and queue the next task if there may be more.

    After a passing error the next task starts after a pause. With `wait_for_database` this waits
    until the database accepts that task. Otherwise it raises the error, and the next look finds the
    run.
    """
    try:
        if _run_for(plan_id, seconds):
            run_bulk.enqueue(plan_id)
    except Exception as error:  # noqa: BLE001  # raised again, or recorded in the plan
        if not _may_pass(error):
            _give_up(plan_id, error)
            return
        _log.warning("Bulk change %s met an error and is tried again: %s", plan_id, _line(error))
        connection.close_if_unusable_or_obsolete()
        retry = partial(_retry_later, plan_id, _why(error))
        if wait_for_database:
            retry_until_done(retry)
        else:
            retry()


def _run_for(plan_id: str, seconds: float) -> bool:
    """Run batches for some seconds; True if there may be more."""
    end = time.monotonic() + seconds
    gap = _GAP[connection.vendor]
    if (newer := refresh.plan_again_late(plan_id)) is not None:
        ask_for(newer)
        return False
    begun = time.monotonic()
    while run.step(plan_id):
        took = time.monotonic() - begun
        time.sleep(max(gap, min(took, _LONGEST_GAP[connection.vendor])))  # lets other writers in
        begun = time.monotonic()
        if begun > end:
            return True
    return False


def _retry_later(plan_id: str, why: str) -> None:
    with transaction.atomic():
        pause = retries.retry_later(plan_id, why)
        if pause is not None:
            after = timezone.now() + timedelta(seconds=pause)
            run_bulk.using(run_after=after).enqueue(plan_id)


def _give_up(plan_id: str, error: Exception) -> None:
    if isinstance(error, DomainError):
        retries.give_up(plan_id, error.message)
        return
    _log.error("Bulk change %s stopped", plan_id, exc_info=error)
    retries.give_up(plan_id, "Unexpected error on the server. See the server's log.")
    raise error


def retry_until_done(function: Callable[[], None]) -> None:
    """Call it until no passing error stops it. Without its database a worker can do nothing else."""
    pause = _FIRST_PAUSE
    while True:
        try:
            function()
        except Exception as error:
            if not _may_pass(error):
                raise
            _log.warning("The worker waits %.0f s: %s", pause, _line(error))
            connection.close_if_unusable_or_obsolete()
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        else:
            return


def _may_pass(error: Exception) -> bool:
    """True if the same call may succeed later without anybody's help."""
    return isinstance(error, Busy) or outage.is_passing(error)


def _why(error: Exception) -> str:
    if isinstance(error, Busy):
        return error.message
    return f"{outage.headline(error)}."


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
