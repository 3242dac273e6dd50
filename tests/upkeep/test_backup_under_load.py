"""A backup that is taken while eight processes write holds one state, and all that was answered."""

import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from agents.domain import recount
from agents.models import AgentTag, Change, ChangeSet, Op
from tests.domain.test_together import run_together
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


def wait_for_each_writer(*, more: int) -> None:
    """Until each has written so many more of its own."""
    own = Change.objects.filter(tag__startswith="noted-", op=Op.ADD)
    start = Counter(own.values_list("agent_name", flat=True))
    deadline = time.monotonic() + 120
    while True:
        now = Counter(own.values_list("agent_name", flat=True))
        if len(now) == WRITERS and min(now[name] - start[name] for name in now) >= more:
            return
        assert time.monotonic() < deadline
        time.sleep(0.2)  # between looks


def backed_up_under_load(url: str, folder: Path, *, agents: int) -> None:
    call_command("bench_data", agents=agents, shape="loadtest", append=True, verbosity=0)
    load = Load(url, folder / "enough")
    load.start()
    wait_for_each_writer(more=3)
    begun = time.time()
    file = folder / "under-load.ade"
    call_command("backup", str(file))
    ended = time.time()
    wait_for_each_writer(more=2)
    (folder / "enough").touch()
    load.join()
    before = {name for at, name, _ in load.answered if at < begun}
    after = {name for at, name, took in load.answered if at - took > ended}
    meanwhile = [took for at, _, took in load.answered if begun <= at <= ended]
    assert (len(before) >= 3 * WRITERS, len(after) >= WRITERS) == (True, True)
    print(f"{file.stat().st_size / 1e6:.1f} MB in {ended - begun:.2f} s; {len(meanwhile)} answers")
    print(f"meanwhile, the slowest after {max(meanwhile, default=0):.2f} s")
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


def require_consistent() -> None:
    """Counters equal a recount, and history accounts for every tag."""
    assert list(recount.differences()) == drift() == []
    assert replayed() == all_tags()
    assert not ChangeSet.objects.exclude(id__in=Change.objects.values("change_set_id")).exists()
    assert not AgentTag.objects.exclude(change_set_id__in=ChangeSet.objects.values("id")).exists()


def test_backup_under_load_is_one_state(database_url: str, tmp_path: Path) -> None:
    backed_up_under_load(database_url, tmp_path, agents=1_000)


@pytest.mark.prove
def test_large_backup_under_load_is_one_state(database_url: str, tmp_path: Path) -> None:
    backed_up_under_load(database_url, tmp_path, agents=100_000)
