"""A backup that is taken while eight processes write holds one state, and all that was answered."""

import threading
import time
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from django.core.management import call_command

from agents.domain.upkeep import recount
from agents.models import AgentTag, Change, ChangeSet, Op
from tests.domain.core.test_together import run_together
from tests.helpers import all_tags, drift, make_agent, replayed
from tests.upkeep.databases import empty_database, inside, manage

pytestmark = pytest.mark.django_db(transaction=True)
WRITERS = 8


class Load(threading.Thread):
    """Eight processes that write until they are told; what each had answered, and when."""

    def __init__(self, url: str, until: Path) -> None:
        super().__init__()
        tags = ["vip", "beta", "env:prod", *(f"user_{n}" for n in range(6)), *"abcdef"]
        agents = [make_agent(tags=["vip"]).public_id for _ in range(8)]
        common = {"until": str(until), "agents": agents, "tags": tags}
        self.jobs = [
            common | {"seed": seed, "own": make_agent(name=f"own {seed}").public_id}
            for seed in range(WRITERS)
        ]
        self.url = url
        self.answered: list[list[Any]] = []

    def run(self) -> None:
        for each in run_together(self.url, "noted", *self.jobs):
            self.answered += each


def wait_for_writes(*, more: int) -> None:
    """Until each writer has written, and all together so many times more."""
    own = Change.objects.filter(tag__startswith="noted-", op=Op.ADD)
    start, deadline = own.count(), time.monotonic() + 120
    while own.count() < start + more or own.values("agent_name").distinct().count() < WRITERS:
        assert time.monotonic() < deadline
        time.sleep(0.1)  # between looks


def backed_up_under_load(url: str, folder: Path, *, agents: int, writes: int) -> None:
    call_command("bench_data", agents=agents, shape="loadtest", append=True, verbosity=0)
    load = Load(url, folder / "enough")
    load.start()
    wait_for_writes(more=writes)
    begun = time.time()
    file = folder / "under-load.ade"
    call_command("backup", str(file))
    ended = time.time()
    wait_for_writes(more=4 * WRITERS)
    (folder / "enough").touch()
    load.join()
    before = {name for at, name, _ in load.answered if at < begun}
    after = {name for at, name, took in load.answered if at - took > ended}
    calm = [took for at, _, took in load.answered if at < begun]
    meanwhile = [took for at, _, took in load.answered if begun <= at <= ended]
    in_flight = WRITERS  # saved and seen here, but not yet answered
    assert (len(before) >= writes - in_flight, len(after) >= WRITERS) == (True, True)
    print(f"{file.stat().st_size / 1e6:.1f} MB in {ended - begun:.2f} s")
    print(f"writes before: {in_words(calm)}; meanwhile: {in_words(meanwhile)}")
    # It shares processor and disk with them, and holds none of them up.
    assert median(meanwhile or [0]) < 0.5
    with empty_database(folder) as target:
        started = time.monotonic()
        done = manage(target, "restore", file)
        print(f"restored in {time.monotonic() - started:.1f} s")
        assert (done.returncode, done.stderr) == (0, "")
        with inside(target):
            kept = set(
                Change.objects.filter(tag__startswith="noted-", op=Op.ADD).values_list(
                    "tag", flat=True
                )
            )
            require_consistent()
    assert before - kept == set()
    assert after & kept == set()


def in_words(times: list[float]) -> str:
    """Seconds. On SQLite, whose waiting writers form no queue, the slowest is slow at any time."""
    ordered = sorted(times) or [0.0]
    late = ordered[int(len(ordered) * 0.95)]
    return f"{len(times)}, median {median(ordered):.3f}, 95 % {late:.3f}, slowest {ordered[-1]:.2f}"


def require_consistent() -> None:
    """Counters equal a recount, and history accounts for every tag."""
    assert list(recount.differences()) == drift() == []
    assert replayed() == all_tags()
    assert not ChangeSet.objects.exclude(id__in=Change.objects.values("change_set_id")).exists()
    assert not AgentTag.objects.exclude(change_set_id__in=ChangeSet.objects.values("id")).exists()


def test_backup_under_load_is_one_state(database_url: str, tmp_path: Path) -> None:
    backed_up_under_load(database_url, tmp_path, agents=1_000, writes=40)


@pytest.mark.prove
def test_large_backup_under_load_is_one_state(database_url: str, tmp_path: Path) -> None:
    backed_up_under_load(database_url, tmp_path, agents=100_000, writes=400)
