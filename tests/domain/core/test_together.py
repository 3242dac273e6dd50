"""Several processes write at once, each with its own connection, as in production."""

import json
import os
import random
import subprocess
import sys
import threading
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from agents.domain.tags.edit import change_tags
from agents.models import Agent, Change, ChangeSet, Tag
from tests.helpers import ROOT, all_tags, drift, make_agent, replayed, tags_of

pytestmark = pytest.mark.django_db(transaction=True)
START = "import django; django.setup(); from tests.domain.core.writer import main; main()"


def run_together(url: str, job: str, *arguments: dict[str, Any]) -> list[Any]:
    """Run a job of writer.py in one process for each of the arguments; what each returns."""
    environment = os.environ | {
        "DATABASE_URL": url,
        "SECRET_KEY": settings.SECRET_KEY,
        "DJANGO_SETTINGS_MODULE": "ade.settings",
    }
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", START, job, json.dumps(one)],
            cwd=settings.BASE_DIR,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for one in arguments
    ]
    for writer in writers:
        assert writer.stdout
        writer.stdout.readline()  # ready, or dead
    for writer in writers:
        if writer.poll() is None and writer.stdin:
            writer.stdin.write("go\n")
            writer.stdin.flush()
    answers = [writer.communicate() for writer in writers]
    assert [error for _, error in answers] == [""] * len(writers)
    return [json.loads(output) for output, _ in answers]


def test_two_processes_add_250_tags_each(database_url: str) -> None:
    agent = make_agent()
    names = [[f"{who}-{n}" for n in range(250)] for who in ("one", "two")]
    run_together(
        database_url, "add", *({"agent_id": agent.public_id, "names": each} for each in names)
    )
    assert tags_of(agent) == sorted(names[0] + names[1])
    assert Agent.objects.get().version == 501
    assert drift() == []


def test_two_whole_set_writes_never_mix(database_url: str) -> None:
    agent = make_agent(tags=["before"])
    sets = [["both", *(f"{who}-{n}" for n in range(12))] for who in ("one", "two")]
    seen = run_together(
        database_url,
        "replace",
        *({"agent_id": agent.public_id, "names": each, "rounds": 60} for each in sets),
    )
    either = [sorted(each) for each in sets]
    assert [tags for each in seen for tags in each if tags not in either] == []
    assert tags_of(agent) in either
    assert drift() == []
    assert replayed() == all_tags()


def test_two_imports_of_the_same_files_make_each_agent_once(database_url: str) -> None:
    made = run_together(database_url, "bring_in", *({"files": 20},) * 2)
    assert (sum(made), Agent.objects.count()) == (21, 21)
    assert drift() == []


def write_anything(url: str, *, writers: int, steps: int, seed: int) -> None:
    """A random run on few agents and few tags, so that they meet; then everything adds up."""
    tags = ["vip", "beta", "env:prod", *(f"user_{n}" for n in range(6)), *"abcdef"]
    agents = [make_agent(tags=["vip"]).public_id for _ in range(8)]
    arguments = {"steps": steps, "agents": agents, "tags": tags}
    counts = run_together(
        url, "anything", *(arguments | {"seed": seed + n} for n in range(writers))
    )
    assert sum(sum(each.values()) for each in counts) == writers * steps
    assert drift() == []
    assert replayed() == all_tags()
    # No change-set without its changes, none of a write that did nothing.
    assert not ChangeSet.objects.exclude(id__in=Change.objects.values("change_set_id")).exists()


def test_anything_by_four_processes_adds_up(database_url: str) -> None:
    seed = random.randrange(10**9)
    print("seed", seed)
    write_anything(database_url, writers=4, steps=60, seed=seed)


@pytest.mark.prove
def test_anything_by_eight_processes_adds_up(database_url: str) -> None:
    seed = random.randrange(10**9)
    print("seed", seed)
    write_anything(database_url, writers=8, steps=1000, seed=seed)


@pytest.mark.prove
@pytest.mark.only_sqlite
def test_eight_writers_wait_half_a_second_at_most(database_url: str) -> None:
    agents = [make_agent().public_id for _ in range(8)]
    jobs = [{"agent_id": agent_id, "seconds": 60} for agent_id in agents]
    each = run_together(database_url, "steadily", *jobs)  # "locked" would be on their stderr
    waits = sorted(wait for one in each for wait in one)
    print(len(waits), "writes; ms:", *(f"{waits[int(len(waits) * q)]:.0f}" for q in (0.5, 0.95)))
    assert waits[int(len(waits) * 0.99)] <= 500
    # Nobody is passed over.
    assert min(map(len, each)) * 4 >= max(map(len, each))
    assert drift() == []


def test_agents_of_one_old_timestamp_by_three_processes(database_url: str) -> None:
    arguments = {"moment": "2024-02-29T12:00:00+00:00", "count": 40}
    keys = run_together(database_url, "create_at", arguments, arguments, arguments)
    assert [each == sorted(each) for each in keys] == [True] * 3
    assert len({key for each in keys for key in each}) == Agent.objects.count() == 120


def test_same_new_tag_by_eight_threads_makes_one_row() -> None:
    agents = [make_agent() for _ in range(8)]
    start = threading.Barrier(8)
    errors: list[BaseException] = []

    def write(agent: Agent) -> None:
        try:
            start.wait()
            for n in range(5):
                change_tags(agent_id=agent.public_id, add=[f"new-{n}", f"new-{9 - n}"], actor=ROOT)
        except BaseException as error:  # noqa: BLE001  # shown by the assertion below
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=[agent]) for agent in agents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert dict(Tag.objects.values_list("name", "n")) == {f"new-{n}": 8 for n in range(10)}
    assert drift() == []
