"""Bulk changes that met an error or lost their worker: retry, stop with a reason, or list them."""

from datetime import timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from agents.domain.core.transactions import write
from agents.domain.webhooks import alerts
from agents.models import FILE_OPS, BulkPlan, BulkState, Event, Tag

# A run without a batch for this long has lost its worker.
LOST = timedelta(seconds=10)
# Seconds before the next attempt after a passing error; doubled after each error in a row.
_FIRST_PAUSE, _LONGEST_PAUSE = 1, 60
UNFINISHED_FILE = "The request that planned this file ended too early. Send the file again."
# States in which a worker has something to do.
UNDER_WAY = (BulkState.PLANNING, BulkState.RUNNING)


def is_lost(plan: BulkPlan) -> bool:
    """True if the plan should be worked on, but no worker has done so for a while."""
    last = plan.beat_at or plan.started_at or plan.created_at
    due = max(last, plan.retry_at or last)
    return plan.state in UNDER_WAY and due < timezone.now() - LOST


@write
def give_up(plan_id: UUID | str, problem: str) -> None:
    """Stop a run, or its planning, after an error that does not pass; `problem` is the reason."""
    plans = BulkPlan.objects.filter(id=plan_id)
    stopped = plans.filter(state__in=UNDER_WAY).update(
        state=BulkState.STOPPED, problem=problem, failures=None, retry_at=None
    )
    if stopped:
        alerts.tell_of_bulk(Event.BULK_STOPPED, plans.get())


@write
def retry_later(plan_id: UUID | str, why: str) -> float | None:
    """Record a passing error. Returns the seconds until the next attempt; None if the run is over.

    The pause doubles with each error in a row, up to a minute, also across restarts.
    """
    plan = BulkPlan.objects.select_for_update(no_key=True).filter(id=plan_id).first()
    if plan is None or plan.state not in UNDER_WAY:
        return None
    failures = (plan.failures or 0) + 1
    pause = min(float(_FIRST_PAUSE << min(failures - 1, 10)), _LONGEST_PAUSE)
    plan.failures, plan.retry_at = failures, timezone.now() + timedelta(seconds=pause)
    plan.problem = f"{why} ADE keeps trying. Nobody needs to do anything."
    plan.save(update_fields=["failures", "retry_at", "problem"])
    return pause


def lost_plans() -> list[BulkPlan]:
    """Return the plans that lost their worker and can continue.

    A plan from a file cannot: the file's rows are not stored. It is stopped, with that reason.
    """
    lost = [plan for plan in BulkPlan.objects.filter(state__in=UNDER_WAY) if is_lost(plan)]
    can_continue = []
    for plan in lost:
        if plan.op in FILE_OPS and plan.state == BulkState.PLANNING:
            give_up(plan.id, UNFINISHED_FILE)
        else:
            can_continue.append(plan)
    return can_continue


def reopen_unfinished() -> None:
    """Set whole-tag changes that a worker of 0.2.0 ended at once back to running.

    That version does not know these changes, finds no batch and takes them for done. The tag of a
    change that is really done no longer exists. Remove after the next release.
    """
    closed = Tag.objects.filter(ends_in=OuterRef("id"))
    unfinished = BulkPlan.objects.filter(Exists(closed), state=BulkState.DONE)
    if unfinished.exists():  # otherwise no lock
        unfinished.update(state=BulkState.RUNNING, finished_at=None)


def failed(plans: QuerySet[BulkPlan]) -> QuerySet[BulkPlan]:
    """Select the plans that an error stopped and nobody has resumed or undone."""
    undone = BulkPlan.objects.filter(undoes=OuterRef("change_set_id"))
    return plans.filter(~Exists(undone), state=BulkState.STOPPED).exclude(problem="")


@write
def stop_all(*, problem: str) -> int:
    """Stop every run and delete every unfinished plan. Returns how many were running.

    For a restored database: a backup does not contain the queued tasks.
    """
    BulkPlan.objects.filter(state=BulkState.PLANNING).delete()
    running = BulkPlan.objects.filter(state=BulkState.RUNNING)
    return running.update(state=BulkState.STOPPED, problem=problem)
