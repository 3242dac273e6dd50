"""Errors that pass do not stop a bulk change; others do, and say so. Real faults of the databases."""

import contextlib
import logging
import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta

import psycopg
import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from agents.core.actors import Actor
from agents.core.errors import Busy, Conflict
from agents.core.filters import AgentFilter
from agents.domain.bulk import plans, retries, run
from agents.domain.bulk.plans import BulkChange, Selection
from agents.domain.keys import disable_key
from agents.models import ApiKey, BulkOp, BulkPlan, BulkState, Tag
from agents.tasks import bulk, bulk_worker
from tests.domain.bulk.test_bulk import make_many
from tests.helpers import ROOT, make_key_row, make_manager, others_are_done

pytestmark = pytest.mark.django_db(transaction=True)
COUNT = 250


def begun(actor: Actor | None = None) -> BulkPlan:
    """A run that waits for the worker, with its first batch still to come."""
    make_many(COUNT)
    change = BulkChange(BulkOp.ADD, add=["vip"])
    selection = Selection(AgentFilter(any=("t",)))
    plan = bulk.make_plan(selection=selection, change=change, actor=actor or ROOT)
    return run.begin(plan_id=plan.id, actor=actor or ROOT)


def work() -> None:
    """What a worker does until nothing is due."""
    call_command("db_worker", batch=True, startup_delay=False, interval=0, verbosity=0)


def waiting(task: str) -> int:
    return DBTaskResult.objects.filter(task_path=f"agents.tasks.{task}", status="READY").count()


@contextlib.contextmanager
def when_logged(text: str, do: Callable[[], object]) -> Iterator[list[str]]:
    """Do something once, at the first line of the worker's log with this text; gives all lines."""
    lines: list[str] = []

    class Watch(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            first = not any(text in line for line in lines)
            lines.append(record.getMessage())
            if first and text in lines[-1]:
                do()

    watch, log = Watch(), logging.getLogger("agents.tasks.bulk_worker")
    log.addHandler(watch)
    try:
        yield lines
    finally:
        log.removeHandler(watch)


@contextlib.contextmanager
def locked(database_url: str) -> Iterator[Callable[[], None]]:
    """Another program holds the lock that a batch needs; this one waits for it only shortly."""
    options = connection.settings_dict["OPTIONS"]
    patience = options.get("timeout")
    if connection.vendor == "sqlite":
        other = sqlite3.connect(database_url.removeprefix("sqlite:///"), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        options["timeout"] = 0.2
    else:
        other = psycopg.connect(database_url.replace("postgres://", "postgresql://"))
        other.execute("LOCK TABLE agents_bulkplan IN EXCLUSIVE MODE")
        connection.cursor().execute("SET statement_timeout = 200")
    try:
        yield other.rollback
    finally:
        other.close()
        connection.close()
        if patience is not None:
            options["timeout"] = patience


def is_tried_again(plan: BulkPlan) -> None:
    """The row says so, and the run goes to its end by itself once its pause is over."""
    plan.refresh_from_db()
    assert (plan.state, plan.failures, plan.looked) == (BulkState.RUNNING, 1, 0)
    assert plan.problem.endswith("ADE keeps trying. Nobody needs to do anything.")
    assert plan.retry_at is not None
    assert not retries.is_lost(plan)
    work()
    plan.refresh_from_db()
    assert (plan.failures, waiting("run_bulk")) == (1, 1)  # the pause is not over
    DBTaskResult.objects.filter(status="READY").update(run_after=timezone.now())
    work()
    plan.refresh_from_db()
    assert (plan.state, plan.changed, plan.problem) == (BulkState.DONE, COUNT, "")
    assert (plan.failures, plan.retry_at) == (None, None)
    assert Tag.objects.get(name="vip").n == COUNT


def test_lock_that_is_held_too_long(database_url: str) -> None:
    plan = begun()
    with locked(database_url) as let_go, when_logged("is tried again", let_go) as lines:
        bulk_worker.run_bulk.func(str(plan.id))
    assert len(lines) == 1
    is_tried_again(plan)


def test_note_of_an_error_waits_for_the_database(database_url: str) -> None:
    plan = begun()
    with locked(database_url) as let_go, when_logged("The worker waits", let_go) as lines:
        bulk_worker.run_bulk.func(str(plan.id))
    assert len(lines) == 2
    is_tried_again(plan)


@pytest.mark.only_postgres
def test_connection_is_lost(database_url: str) -> None:
    plan = begun()
    with psycopg.connect(database_url.replace("postgres://", "postgresql://")) as other:
        own = connection.cursor().execute("SELECT pg_backend_pid()").fetchone()
        other.execute("SELECT pg_terminate_backend(%s)", own)
    bulk_worker.run_bulk.func(str(plan.id))
    is_tried_again(plan)


@pytest.mark.only_sqlite
def test_disk_is_full() -> None:
    plan = begun()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")  # no page of what was removed is left to use
        pages = cursor.execute("PRAGMA page_count").fetchone()[0]
        cursor.execute(f"PRAGMA max_page_count = {pages}")
        room = f"PRAGMA max_page_count = {pages + 10_000}"
        with when_logged("is tried again", lambda: cursor.execute(room)) as lines:
            bulk_worker.run_bulk.func(str(plan.id))
    assert "full" in lines[0]
    plan.refresh_from_db()
    done = plan.looked
    assert (plan.state, plan.failures, plan.problem.split(".")[0]) == (
        BulkState.RUNNING,
        1,
        "The disk is full",
    )
    DBTaskResult.objects.filter(status="READY").update(run_after=timezone.now())
    work()
    plan.refresh_from_db()
    assert (plan.state, plan.looked) == (BulkState.DONE, COUNT)
    assert done < COUNT


def test_pauses_grow_to_a_minute_and_a_batch_ends_them() -> None:
    plan = begun()
    pauses = [retries.retry_later(plan.id, "Away.") for _ in range(8)]
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    assert run.step(plan.id)
    assert retries.retry_later(plan.id, "Away.") == 1
    run.stop(plan_id=plan.id, actor=ROOT)
    assert retries.retry_later(plan.id, "Away.") is None


def test_rows_that_others_keep_changing_are_no_reason_to_stop() -> None:
    assert bulk_worker._may_pass(Busy("Other users keep changing this at the same time."))
    assert not bulk_worker._may_pass(Conflict("Stop it first."))
    assert not bulk_worker._may_pass(ValueError("a bug"))


def test_other_errors_stop_it_and_are_shown(client: Client) -> None:
    plan = begun(make_key_row())
    disable_key(key_id=ApiKey.objects.get().key_id, actor=ROOT)
    bulk_worker.run_bulk.func(str(plan.id))
    plan.refresh_from_db()
    assert plan.state == BulkState.STOPPED
    assert "disabled" in plan.problem
    metrics = client.get("/metrics", headers={"host": "localhost"}).content.decode()
    assert "ade_bulk_changes_failed 1.0" in metrics
    assert retries.failed(BulkPlan.objects.all()).get() == plan
    bulk.resume(plan_id=plan.id, actor=ROOT)
    assert not retries.failed(BulkPlan.objects.all()).exists()


# --- Plans whose request ended --------------------------------------------------------------


def half_planned(op: BulkOp) -> BulkPlan:
    """A plan as it is left by a request that was killed a minute ago."""
    make_many(3)
    wanted = '{"any": ["t"]}' if op == BulkOp.ADD else "null"
    plan = plans.new_plan(ROOT, op=op, add='["vip"]', wanted=wanted, planned_to="")
    plan.created_at -= timedelta(minutes=1)
    plan.save()
    return plan


def test_worker_goes_on_planning_what_a_request_began() -> None:
    plan = half_planned(BulkOp.ADD)
    bulk_worker.look_after_bulk.func()
    work()
    plan.refresh_from_db()
    assert (plan.state, plan.matched) == (BulkState.PLANNED, 3)


def test_plan_of_a_file_that_was_not_read_to_its_end_fails_with_the_reason() -> None:
    plan = half_planned(BulkOp.ROWS)
    bulk_worker.look_after_bulk.func()
    plan.refresh_from_db()
    assert plan.state == BulkState.STOPPED
    assert "Send the file again" in plan.problem
    with pytest.raises(Conflict, match="Send the file again"):
        run.resume(plan_id=plan.id, actor=ROOT)


def test_somebody_looks_after_a_plan_whose_request_fails(database_url: str) -> None:
    make_many(3)
    change = BulkChange(BulkOp.ADD, add=["vip"])
    if connection.vendor == "postgresql":  # on SQLite the same lock stops the note before it
        with locked(database_url), pytest.raises(OperationalError):
            bulk.make_plan(
                selection=Selection(AgentFilter(any=("t",))), change=change, actor=make_manager()
            )
    else:
        bulk_worker.look_later()
    assert waiting("look_after_bulk") == 1
    bulk_worker.look_later()
    assert waiting("look_after_bulk") == 1


def test_worker_that_starts_asks_for_a_look_after_what_it_finds() -> None:
    begun()
    DBTaskResult.objects.all().delete()
    work()
    assert waiting("look_after_bulk") == 1
    others_are_done()
