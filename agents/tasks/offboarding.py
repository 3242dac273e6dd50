"""Off-board a user as pages and the API ask for it, and read back what happened."""

from datetime import timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone
from django_tasks import task
from django_tasks_db.models import DBTaskResult

from agents.core.actors import MANAGE, Actor, ActorKind, Source
from agents.core.errors import NotFound
from agents.domain.offboarding import receipt
from agents.domain.offboarding.begin import begin
from agents.models import BulkPlan, BulkState, Offboarding
from agents.tasks.bulk_worker import ask_for, retry_until_done

_LOOK = timedelta(seconds=3)  # between two looks whether the bulk change has ended
# Receipts that a worker completes when it starts.
_RECENT, _MOST = timedelta(days=30), 100


def offboard(*, actor: Actor, **asked: Any) -> Offboarding:
    """Off-board a user: at once with its receipt, or by a bulk change whose end is read back later.

    Raises as `begin.begin`.
    """
    with transaction.atomic():
        begun = begin(actor=actor, **asked)
        if begun.job is not None:
            ask_for(begun.job)
            _check_later(begun.offboarding)
    if begun.job is not None:
        return begun.offboarding
    return receipt.check(offboarding_id=begun.offboarding.id, actor=actor)


def look_after_start() -> None:
    """Queue the reading back of what an ended request or worker left, when a worker starts."""
    rows = Offboarding.objects.filter(checked_at=None, created_at__gt=timezone.now() - _RECENT)
    queued = DBTaskResult.objects.filter(task_path=check_offboarding.module_path, status="READY")
    for row in rows.order_by("-created_at")[:_MOST]:
        if not queued.filter(args_kwargs__args=[str(row.id)]).exists():
            check_offboarding.enqueue(str(row.id))


@task()
def check_offboarding(offboarding_id: str) -> None:
    """Read back an off-boarding when its bulk change has ended. A stopped one is read back by hand.

    A passing error of the database is waited for.
    """
    retry_until_done(partial(_check, offboarding_id))


def _check(offboarding_id: str) -> None:
    row = Offboarding.objects.filter(id=offboarding_id).first()
    if row is None:
        return
    if row.plan_id is not None and not receipt.is_done(row):
        if BulkPlan.objects.filter(id=row.plan_id, state=BulkState.RUNNING).exists():
            _check_later(row)
        return
    actor = Actor(ActorKind.JOB, "job:receipts", "Receipts", Source.BULK, MANAGE)
    try:
        receipt.check(offboarding_id=row.id, actor=actor)
    except NotFound:
        return


def _check_later(row: Offboarding) -> None:
    check_offboarding.using(run_after=timezone.now() + _LOOK).enqueue(str(row.id))
