"""The log is read without a gap, whoever commits first."""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, transaction

from agents.core.errors import Conflict
from agents.core.filters import AgentFilter
from agents.domain.bulk.plans import BulkChange, Selection, make_plan
from agents.domain.tags.edit import change_tags
from agents.domain.webhooks.log import safe_end
from agents.models import Agent, BulkOp, Change
from agents.tasks.bulk import begin
from tests.helpers import ROOT, all_tags, make_agent
from tests.webhooks.receiver import Receiver
from tests.webhooks.telling import deliver, make_hook, told

pytestmark = pytest.mark.django_db(transaction=True)


def last() -> int:
    return Change.objects.order_by("-id").values_list("id", flat=True)[0]


class Undecided(Exception):
    """Ends a transaction without a commit."""


@contextmanager
def slow_write(agent_id: str, tag: str, *, fails: bool = False) -> Iterator[Callable[[], None]]:
    """A change of tags in another connection that is written and not committed; call to end it."""
    written, end = threading.Event(), threading.Event()

    def run() -> None:
        try:
            with transaction.atomic():
                change_tags(agent_id=agent_id, add=[tag], actor=ROOT)
                written.set()
                end.wait(30)
                if fails:
                    raise Undecided
        except Undecided:
            pass
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()

    def finish() -> None:
        end.set()
        thread.join()

    assert written.wait(30)
    try:
        yield finish
    finally:
        finish()


@pytest.mark.only_postgres  # on SQLite there is one writer at a time
@pytest.mark.parametrize("fails", [False, True])
def test_what_commits_late_is_waited_for(there: Receiver, fails: bool) -> None:
    first, second = make_agent(tags=["x"]).public_id, make_agent(tags=["y"]).public_id
    make_hook(there)
    deliver()
    before = last()
    with slow_write(first, "slow", fails=fails) as finish:
        change_tags(agent_id=second, add=["quick"], actor=ROOT)
        assert (safe_end(), last()) == (before, before + 2)
        deliver()
        assert there.got == []
        finish()
        deliver()
    # Those of different agents go side by side.
    added = [data["added"] for _, data in told(there)]
    assert added == ([["quick"]] if fails else [["slow"], ["quick"]])
    assert safe_end() == last()


@pytest.mark.only_postgres
def test_who_writes_something_else_is_not_waited_for(there: Receiver) -> None:
    make_hook(there)
    held, end = threading.Event(), threading.Event()

    def elsewhere() -> None:
        with transaction.atomic():
            Agent.objects.update(description="a long write without history")
            held.set()
            end.wait(30)
        connection.close()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    assert held.wait(30)
    make_agent()
    assert safe_end() == last()
    end.set()
    thread.join()


@pytest.mark.only_postgres
def test_a_new_webhook_waits_for_who_is_writing(
    there: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = make_agent(tags=["x"]).public_id
    monkeypatch.setattr("agents.domain.webhooks.log._LONGEST_WAIT", 0.2)
    with slow_write(one, "slow") as finish:
        with pytest.raises(Conflict, match="A long change is still being written"):
            make_hook(there)
        finish()
        hook = make_hook(there)
    # The last is that it was made: what was committed before is not told, all that comes after is.
    assert hook.cursor == last() - 1


class Writers:
    """Threads that change tags of the same few agents, each many times."""

    def __init__(self, ids: list[str], number: int, turns: int) -> None:
        self.threads = [
            threading.Thread(target=self._run, args=(ids, who, turns)) for who in range(number)
        ]

    def _run(self, ids: list[str], who: int, turns: int) -> None:
        try:
            for turn in range(turns):
                which = {"add": [f"t{who}"]} if turn % 2 == 0 else {"remove": [f"t{who}"]}
                for one in ids:
                    change_tags(agent_id=one, actor=ROOT, **which)
        finally:
            connection.close()

    def __enter__(self) -> "Writers":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *problem: object) -> None:
        for thread in self.threads:
            thread.join()

    @property
    def are_busy(self) -> bool:
        return any(thread.is_alive() for thread in self.threads)


def test_every_change_is_told_once_and_in_order_beside_many_writers(there: Receiver) -> None:
    ids = [make_agent(tags=["base"]).public_id for _ in range(4)]
    make_hook(there)
    begun = last()
    # Each adds and takes off by turns: an event out of its place would not fit the one before.
    with Writers(ids, number=4, turns=5) as writers:
        while writers.are_busy:
            deliver()
    deliver()
    moves = [body for body in there.told() if body["type"] == "agent.tags.changed"]
    changes = Change.objects.filter(id__gt=begun, agent_id__isnull=False)
    assert len(moves) == changes.count() == 4 * 4 * 5
    assert len({body["id"] for body in moves}) == len(moves)
    tags: dict[str, set[str]] = defaultdict(lambda: {"base"})
    for body in moves:
        data = body["data"]
        assert not tags[data["agent_id"]] & set(data["added"])
        assert tags[data["agent_id"]] >= set(data["removed"])
        tags[data["agent_id"]] |= set(data["added"])
        tags[data["agent_id"]] -= set(data["removed"])
        assert tags[data["agent_id"]] == set(data["tags"])
    assert dict(tags) == all_tags()


def test_two_that_deliver_at_once_send_each_event_once_and_in_order(there: Receiver) -> None:
    ids = [make_agent().public_id for _ in range(10)]
    make_hook(there)
    for tag in "abcdef":
        selection = Selection(AgentFilter(ids=tuple(ids)))
        change = BulkChange(BulkOp.ADD, add=[tag])
        begin(plan_id=make_plan(selection=selection, change=change, actor=ROOT).id, actor=ROOT)

    def work() -> None:
        deliver()
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    deliver()
    for one in ids:
        mine = [body["data"] for body in there.told() if body["data"].get("agent_id") == one]
        assert [data["added"] for data in mine] == [[tag] for tag in "abcdef"]
    assert [body["type"] for body in there.told()].count("bulk.finished") == 6
