"""During an upgrade, workers of 0.2.0 and of this version run each other's tasks.

In the suite: tasks as 0.2.0 stored them, and the names and arguments that this version stores. With a
real worker of 0.2.0, from its own code, in `make prove`.
"""

import os
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from processes import start, stop
from serve import worker_command

from agents.domain.bulk import run
from agents.domain.bulk.retries import LOST
from agents.domain.upkeep import recount
from agents.domain.webhooks.write import create_webhook
from agents.models import BulkPlan, BulkState, Change, Tag, Webhook
from agents.tasks import bulk, bulk_worker
from agents.tasks.webhooks import delivering
from tests.domain.bulk.test_killed import carriers, make_herd, planned, wait_until, worker
from tests.domain.bulk.test_retries import COUNT, begun, work
from tests.helpers import ROOT, make_manager
from tests.upkeep.old_code import code_of_0_2_0

pytestmark = pytest.mark.django_db(transaction=True)

# The tasks of 0.2.0, and how many arguments each needs.
ARGUMENTS = {
    "agents.tasks.run_bulk": 1,
    "agents.tasks.look_after_bulk": 1,
    "agents.webhook_tasks.deliver_webhooks": 0,
}
# 0.2.0 does not know this one. It fails there, and the next turn of `deliver_webhooks` queues it again.
NEW = "agents.tasks.webhooks.look_after_webhooks"


def store(task_path: str, *args: str) -> DBTaskResult:
    """A task as 0.2.0 stored it, due now."""
    return DBTaskResult.objects.create(
        task_path=task_path,
        args_kwargs={"args": list(args), "kwargs": {}},
        backend_name="default",
        run_after=timezone.now(),
        exception_class_path="",
        traceback="",
    )


def stored() -> dict[str, list[list[Any]]]:
    """The arguments of all stored tasks, by name."""
    found: dict[str, list[list[Any]]] = {}
    for path, given in DBTaskResult.objects.values_list("task_path", "args_kwargs"):
        assert given["kwargs"] == {}
        found.setdefault(path, []).append(given["args"])
    return found


def test_bulk_change_under_way_is_finished_by_tasks_of_0_2_0() -> None:
    plan = begun()
    assert run.step(plan.id)
    DBTaskResult.objects.all().delete()
    task = store("agents.tasks.run_bulk", str(plan.id))
    look = store("agents.tasks.look_after_bulk", str(plan.id))
    work()
    plan.refresh_from_db()
    assert (plan.state, plan.looked, plan.changed) == (BulkState.DONE, COUNT, COUNT)
    assert Tag.objects.get(name="vip").n == COUNT
    for row in (task, look):
        row.refresh_from_db()
        assert row.status == "SUCCESSFUL", row.traceback


def test_look_of_0_2_0_restarts_a_bulk_change_that_lost_its_worker() -> None:
    plan = begun()
    BulkPlan.objects.update(started_at=plan.started_at - 2 * LOST)
    DBTaskResult.objects.all().delete()
    store("agents.tasks.look_after_bulk", str(plan.id))
    work()
    plan.refresh_from_db()
    assert (plan.state, plan.changed) == (BulkState.DONE, COUNT)


def test_webhook_turn_of_0_2_0_runs(settings: Any) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]
    settings.WEBHOOK_ALLOW_HTTP = True
    create_webhook(url="http://127.0.0.1:9999/", actor=make_manager())
    task = store("agents.webhook_tasks.deliver_webhooks")
    work()
    task.refresh_from_db()
    assert task.status == "SUCCESSFUL", task.traceback
    assert "agents.webhook_tasks.deliver_webhooks" in stored()
    Webhook.objects.all().delete()


def test_stored_names_and_arguments_are_those_of_0_2_0() -> None:
    plan = planned_and_begun()
    with delivering():
        pass
    found = stored()
    assert set(found) == {*ARGUMENTS, NEW}
    for name, count in ARGUMENTS.items():
        assert {len(args) for args in found[name]} == {count}, name
    assert [str(plan.id)] in found["agents.tasks.run_bulk"]
    # The worker of 0.2.0 looks after the plan that the task names, so each plan has a task.
    assert [str(plan.id)] in found["agents.tasks.look_after_bulk"]


def planned_and_begun() -> BulkPlan:
    """A bulk change that is left to the worker."""
    make_herd(2_100)
    plan = planned()
    return bulk.begin(plan_id=plan.id, actor=ROOT)


@pytest.mark.prove
def test_worker_of_0_2_0_and_of_this_version_share_a_bulk_change(
    database_url: str, tmp_path: Path
) -> None:
    make_herd(12_000)
    plan = planned()
    plan = bulk.begin(plan_id=plan.id, actor=ROOT)
    environment = {"DATABASE_URL": database_url, "SECRET_KEY": settings.SECRET_KEY}
    command = ["env", "-C", code_of_0_2_0(tmp_path), *worker_command()]
    old = start(command, env=os.environ | environment)
    try:
        wait_until(plan, lambda: plan.looked > 0)  # by the old worker, from this version's task
        first = plan.looked
        bulk_worker.run_bulk.enqueue(str(plan.id))
        with worker(database_url):
            wait_until(plan, lambda: plan.state == BulkState.DONE)
            second = planned()
    finally:
        stop([old], seconds=20)
    assert 0 < first < plan.matched == 12_000
    assert (plan.looked, plan.changed, carriers()) == (12_000, 12_000, 12_000)
    assert Change.objects.filter(change_set_id=plan.change_set_id).count() == 12_000
    assert second.state == BulkState.PLANNED
    failed = DBTaskResult.objects.filter(status="FAILED")
    assert not failed.exists(), failed.first()
    # The old worker made the tag, with the look-alike key of its version.
    wrong = {found.what for found in recount.differences()}
    assert wrong <= {"tag.lookalike", "tag.lookalike_version", "tag.sort_key"}
