"""A bulk change whose worker is killed: it goes on, exactly once for each agent, and can be undone.

Bounded here; with 100,000 agents, a second writer's wait and the memory of it in `make prove`.
"""

import os
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django_tasks_db.models import DBTaskResult
from processes import start, stop
from serve import worker_command

from agents.core.filters import AgentFilter
from agents.core.limits import BULK_BATCH
from agents.domain.bulk.planning import plan_next
from agents.domain.bulk.plans import BulkChange, Selection
from agents.domain.bulk.retries import LOST
from agents.domain.tags.edit import change_tags
from agents.domain.upkeep import recount
from agents.models import Agent, AgentTag, BulkOp, BulkPlan, BulkState, Change, Tag
from agents.tasks import bulk, bulk_worker
from tests.helpers import ROOT, make_agent, others_are_done

pytestmark = pytest.mark.django_db(transaction=True)

LOADED = AgentFilter(none=("outside",))
# A worker that halts with its ninth batch written and not committed.
HELD = {
    "DJANGO_SETTINGS_MODULE": "tests.held_settings",
    "HOLD_AFTER": "8",
    "HOLD_INSIDE": "true",
}


def make_herd(count: int, shape: str = "loadtest") -> None:
    """Agents with tags, beside those that are there."""
    call_command("bench_data", agents=count, shape=shape, append=True, verbosity=0)


def asked() -> BulkPlan:
    """A plan, which a worker finishes where it is large."""
    change = BulkChange(BulkOp.ADD, add=["bulk"])
    return bulk.make_plan(selection=Selection(LOADED), change=change, actor=ROOT)


def planned() -> BulkPlan:
    """A plan that is whole."""
    plan = asked()
    while plan_next(plan.id):
        pass
    plan.refresh_from_db()
    return plan


@contextmanager
def worker(database_url: str, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker as `make run` starts it; `more` is its environment."""
    about = {"DATABASE_URL": database_url, "SECRET_KEY": settings.SECRET_KEY} | more
    process = start(worker_command(), env=os.environ | about)
    try:
        yield process
    finally:
        stop([process], seconds=20)


def wait_until(plan: BulkPlan, what: Callable[[], bool], seconds: float = 300) -> None:
    """Look at the plan again and again."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, (plan.state, plan.looked, plan.problem)
        time.sleep(0.02)  # between looks; what is waited for has no other sign
        plan.refresh_from_db()


def carriers() -> int:
    """How many agents of the herd carry the tag."""
    rows = AgentTag.objects.filter(tag__name="bulk")
    return rows.exclude(agent__name="outside").count()


def killed_and_finished(
    plan: BulkPlan, database_url: str, *, seconds: float = 300, **more: str
) -> None:
    """Run it, with the worker killed in the middle; `more` is that worker's environment."""
    before = carriers()
    bulk.begin(plan_id=plan.id, actor=ROOT)
    with worker(database_url, **more) as process:
        wait_until(plan, lambda: plan.looked > plan.matched // 4, seconds)
        process.kill()
        process.wait()
    others_are_done()
    plan.refresh_from_db()
    assert plan.state == BulkState.RUNNING
    assert BULK_BATCH <= plan.looked < plan.matched
    assert carriers() == before + plan.changed
    # As the look after it does, once it has waited long enough.
    BulkPlan.objects.filter(id=plan.id).update(beat_at=plan.beat_at - LOST)
    bulk_worker.look_after_bulk.func(str(plan.id))
    with worker(database_url):
        wait_until(plan, lambda: plan.state != BulkState.RUNNING, seconds)


def test_killed_worker_is_followed_by_another(database_url: str) -> None:
    make_herd(2_500)
    before = set(AgentTag.objects.values_list("tag_id", "agent_id"))
    plan = planned()
    killed_and_finished(plan, database_url, **HELD)
    assert (plan.state, plan.looked, plan.changed) == (BulkState.DONE, 2_500, 2_500)
    assert carriers() == Tag.objects.get(name="bulk").n == 2_500
    changes = Change.objects.filter(change_set_id=plan.change_set_id)
    assert changes.count() == changes.values("agent_id").distinct().count() == 2_500
    undo = bulk.begin_undo(plan_id=plan.id, actor=ROOT)
    call_command("db_worker", batch=True, startup_delay=False, interval=0, verbosity=0)
    undo.refresh_from_db()
    assert (undo.state, undo.changed) == (BulkState.DONE, 2_500)
    assert set(AgentTag.objects.values_list("tag_id", "agent_id")) == before
    assert list(recount.differences()) == []


def test_two_workers_do_each_batch_once(database_url: str) -> None:
    make_herd(2_500)
    plan = planned()
    bulk.begin(plan_id=plan.id, actor=ROOT)
    bulk_worker.run_bulk.enqueue(str(plan.id))
    with worker(database_url), worker(database_url):
        wait_until(plan, lambda: plan.state == BulkState.DONE)
    assert (plan.looked, plan.changed, carriers()) == (2_500, 2_500, 2_500)
    assert Change.objects.filter(change_set_id=plan.change_set_id).count() == 2_500


def test_look_after_a_run_leaves_one_that_is_attended(database_url: str) -> None:
    make_herd(2_250)
    plan = planned()
    bulk.begin(plan_id=plan.id, actor=ROOT)
    waiting = _waiting()
    assert waiting["agents.tasks.look_after_bulk"] == 2  # before the plan was made, and for it
    bulk_worker.look_after_bulk.func()
    assert _waiting() == waiting  # the look that waits already is the next one
    plan.refresh_from_db()
    BulkPlan.objects.filter(id=plan.id).update(started_at=plan.started_at - LOST)
    bulk_worker.look_after_bulk.func()
    assert _waiting() - waiting == {"agents.tasks.run_bulk": 1}


def _waiting() -> Counter[str]:
    return Counter(DBTaskResult.objects.values_list("task_path", flat=True))


class Writer(threading.Thread):
    """Someone who changes tags of agents in the run, one after the other, and times each."""

    def __init__(self, ids: list[str], outside: str) -> None:
        super().__init__()
        self.ids, self.outside = ids, outside
        self.times: list[float] = []
        self.ended = threading.Event()

    def __enter__(self) -> "Writer":
        self.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self.ended.set()
        self.join()

    def run(self) -> None:
        turn = 0
        try:
            while not self.ended.wait(0.05):
                turn += 1
                self._timed(self.ids[turn % len(self.ids)], "note", turn // len(self.ids))
                self._timed(self.outside, "bulk", turn)
        finally:
            connection.close()

    def _timed(self, agent_id: str, tag: str, turn: int) -> None:
        begun = time.perf_counter()
        which = "add" if turn % 2 == 0 else "remove"
        change_tags(agent_id=agent_id, actor=ROOT, **{which: [tag]})
        self.times.append(time.perf_counter() - begun)


def peak(process: subprocess.Popen[bytes]) -> int:
    """The most memory that the process had, in KiB."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1])


def run_whole(plan: BulkPlan, database_url: str) -> int:
    """Plan and run it in a worker of its own; the worker's peak memory in KiB."""
    with worker(database_url) as process:
        wait_until(plan, lambda: plan.state == BulkState.PLANNED, 300)
        bulk.begin(plan_id=plan.id, actor=ROOT)
        wait_until(plan, lambda: plan.state == BulkState.DONE, 900)
        return peak(process)


@pytest.mark.prove
def test_100_000_agents_killed_resumed_undone_beside_another_writer(database_url: str) -> None:
    make_herd(10_000)
    small = run_whole(asked(), database_url)
    make_herd(90_000, "reference")
    outside = make_agent(name="outside", tags=["outside"])
    ids = list(Agent.objects.order_by("-seq").values_list("public_id", flat=True)[1:90_000:997])
    plan = planned()
    assert plan.matched == 100_000
    with Writer(ids, outside.public_id) as other:
        killed_and_finished(plan, database_url, seconds=900)
    print(f"{len(other.times)} writes beside the run, the longest {max(other.times):.3f} s")
    assert max(other.times) <= 0.5
    change_tags(agent_id=outside.public_id, remove=["bulk"], actor=ROOT)
    assert (plan.looked, plan.changed) == (100_000, 90_000)
    assert carriers() == Tag.objects.get(name="bulk").n == 100_000
    undo = bulk.begin_undo(plan_id=plan.id, actor=ROOT)
    with worker(database_url) as process:
        wait_until(undo, lambda: undo.state == BulkState.DONE, 900)
        large = peak(process)
    assert carriers() == 10_000
    again = asked()
    assert again.state == BulkState.PLANNING
    large = max(large, run_whole(again, database_url))
    print(f"peak memory {small:,} KiB for 10,000 agents, {large:,} KiB for 100,000 and the undo")
    # SQLite reads its file through a cache of 64 MiB and a map of 256 MiB, both bounded.
    file = 320 * 1024 if connection.vendor == "sqlite" else 0
    assert large < 1.25 * small + file
    took = again.finished_at - again.started_at
    print(f"100,000 agents took {took}")
    assert took < timedelta(minutes=10)
    assert list(recount.differences()) == []
