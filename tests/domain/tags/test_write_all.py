"""Renames and merges of a tag that very many agents carry: what a reader sees, and how long."""

import io
import random
import threading
import time
from collections import Counter
from collections.abc import Callable

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection

from agents.core.actors import MANAGE
from agents.core.filters import AgentFilter
from agents.domain.core.transactions import snapshot
from agents.domain.directory.merge import merge_tags
from agents.domain.directory.rename import rename_tag
from agents.domain.history.undo_set import undo_set
from agents.domain.tags.edit import change_tags
from agents.domain.upkeep.recount import differences
from agents.models import Agent, Tag
from agents.queries import agents as listing
from tests.helpers import ROOT, make_editor

pytestmark = pytest.mark.django_db(transaction=True)
MANAGER = make_editor("Mo", MANAGE)


class Reader(threading.Thread):
    """Reads the same list again and again; `seen` counts the different states that it saw."""

    def __init__(self, names: tuple[str, str]) -> None:
        super().__init__()
        self.names, self.seen = names, Counter[tuple[object, ...]]()
        self.over, self.reads = threading.Event(), threading.Semaphore(0)
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            while not self.over.is_set():
                with snapshot():
                    self.seen[self.look()] += 1
                self.reads.release()
        except BaseException as error:  # noqa: BLE001  # shown by the assertion of the test
            self.error = error
            self.reads.release(10)
        finally:
            connection.close()

    def look(self) -> tuple[object, ...]:
        """How many carry each, and what the first agents of either list show."""
        counts = dict(Tag.objects.filter(name__in=self.names).values_list("name", "n"))
        shown = set()
        for name in self.names:
            page = listing.page(AgentFilter(any=(name,)), actor=ROOT, size=20)
            for row in listing.rows(page.seqs):
                shown |= {(name, chip.name) for chip in row.tags if chip.name in self.names}
        return tuple(sorted(counts.items())), tuple(sorted(shown))


def watched(
    names: tuple[str, str], act: Callable[[], object]
) -> tuple[float, Counter[tuple[object, ...]]]:
    """Do something while someone reads; how long it took, and the states that were seen."""
    reader = Reader(names)
    reader.start()
    reader.reads.acquire()
    began = time.monotonic()
    act()
    took = time.monotonic() - began
    while reader.reads.acquire(blocking=False):
        pass
    for _ in range(3):
        reader.reads.acquire()
    reader.over.set()
    reader.join()
    assert reader.error is None
    return took, reader.seen


def check(agents: int) -> None:
    call_command("bench_data", agents=agents, verbosity=0, stdout=io.StringIO())
    dice = random.Random(1)
    some = dice.sample(sorted(Agent.objects.values_list("public_id", flat=True)), 20)
    for public_id in some:
        change_tags(agent_id=public_id, add=["Env Prod"], actor=ROOT)
    n = Tag.objects.get(name="env:prod").n
    took, seen = watched(
        ("env:prod", "env:live"), lambda: rename_tag(old="env:prod", new="env:live", actor=MANAGER)
    )
    print(f"rename on {n:,}: {took:.2f} s, {sum(seen.values())} reads")
    assert {state[0] for state in seen} <= {(("env:prod", n),), (("env:live", n),)}
    assert {state[1] for state in seen} <= {
        (("env:prod", "env:prod"),),
        (("env:live", "env:live"),),
    }
    took, seen = watched(
        ("env:live", "user_env"), lambda: rename_tag(old="env:live", new="user_env", actor=MANAGER)
    )
    print(f"rename to a user on {n:,}: {took:.2f} s, {sum(seen.values())} reads")
    rename_tag(old="user_env", new="env:live", actor=MANAGER)
    result = None

    def merge() -> None:
        nonlocal result
        result = merge_tags(source="env:live", target="Env Prod", actor=MANAGER).change_set

    took, seen = watched(("env:live", "Env Prod"), merge)
    print(f"merge of {n:,}: {took:.2f} s, {sum(seen.values())} reads")
    if n > 1_000:
        assert 0.5 * n / took < cache.get("agents-a-second") < 2 * n / took
    assert len({state[0] for state in seen}) <= 2
    for counts, shown in seen:
        assert (("env:live", "env:live") in shown) == ("env:live" in dict(counts))
    assert differences() == []
    took, seen = watched(
        ("env:live", "Env Prod"), lambda: undo_set(change_set_id=result.id, actor=MANAGER)
    )
    print(f"undo of it: {took:.2f} s, {sum(seen.values())} reads")
    assert (Tag.objects.get(name="env:live").n, Tag.objects.get(name="Env Prod").n) == (n, 20)
    assert differences() == []


def test_readers_see_the_old_state_or_the_new_at_1000_agents() -> None:
    check(1_000)


@pytest.mark.prove
def test_readers_see_the_old_state_or_the_new_at_125000_agents() -> None:
    check(125_000)
