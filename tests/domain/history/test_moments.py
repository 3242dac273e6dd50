"""Each change has its own moment, and a removal says since when the tag had been there."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from agents.core.filters import AgentFilter
from agents.domain.agents.write import delete_agent
from agents.domain.bulk.plans import BulkChange, Selection, make_plan
from agents.domain.bulk.run import begin, step
from agents.domain.directory.merge import delete_tag, merge_tags
from agents.domain.history.undo import undo
from agents.domain.tags.edit import change_tags
from agents.domain.users import OffboardMode, offboard
from agents.models import Agent, AgentTag, BulkOp, Change, Op
from tests.helpers import ROOT, make_agent, replace_tags

pytestmark = pytest.mark.django_db

THEN = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = THEN + timedelta(days=9)


def remove_in_bulk(agent: Agent) -> None:
    change = BulkChange(BulkOp.REMOVE, remove=["user_1"])
    plan = make_plan(selection=Selection(AgentFilter()), change=change, actor=ROOT)
    begin(plan_id=plan.id, actor=ROOT)
    while step(plan.id):
        pass


def undo_of_add(agent: Agent) -> None:
    added = AgentTag.objects.get(agent=agent, tag__name="user_1").change_set_id
    undo(change_set_id=added, actor=ROOT)


def merge(agent: Agent) -> None:
    make_agent(tags=["user_2"])
    merge_tags(source="user_1", target="user_2", actor=ROOT)


WAYS: dict[str, Callable[[Agent], object]] = {
    "one": lambda agent: change_tags(agent_id=agent.public_id, remove=["user_1"], actor=ROOT),
    "replaced": lambda agent: replace_tags(agent_id=agent.public_id, tags=[], actor=ROOT),
    "bulk": remove_in_bulk,
    "undo": undo_of_add,
    "merge": merge,
    "tag deleted": lambda _: delete_tag(name="user_1", actor=ROOT),
    "off-boarded": lambda _: offboard(name="user_1", how=OffboardMode.TAG, actor=ROOT),
    "off-boarded with agents": lambda _: offboard(
        name="user_1", how=OffboardMode.AGENTS, actor=ROOT
    ),
    "agent deleted": lambda agent: delete_agent(agent_id=agent.public_id, actor=ROOT),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_removal_keeps_when_the_tag_was_put_on(way: str) -> None:
    with time_machine.travel(THEN, tick=False):
        agent = make_agent()
        change_tags(agent_id=agent.public_id, add=["user_1"], actor=ROOT)
    with time_machine.travel(NOW, tick=False):
        WAYS[way](agent)
    removed = Change.objects.get(op=Op.REMOVE, tag="user_1")
    assert (removed.added_at, removed.at) == (THEN, NOW)
    added = Change.objects.get(op=Op.ADD, tag="user_1")
    assert (added.added_at, added.at) == (None, THEN)


def test_each_batch_of_a_bulk_change_has_its_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.domain.bulk.planning.BULK_BATCH", 1)
    for _ in range(2):
        make_agent()
    change = BulkChange(BulkOp.ADD, add=["a"])
    plan = make_plan(selection=Selection(AgentFilter()), change=change, actor=ROOT)
    begin(plan_id=plan.id, actor=ROOT)
    for moment in (THEN, NOW):
        with time_machine.travel(moment, tick=False):
            step(plan.id)
    assert list(Change.objects.filter(tag="a").order_by("id").values_list("at", flat=True)) == [
        THEN,
        NOW,
    ]
    rows = AgentTag.objects.filter(tag__name="a").order_by("added_at")
    assert [row.added_at for row in rows] == [THEN, NOW]


def test_a_change_of_an_older_version_has_the_moment_of_its_change_set() -> None:
    with time_machine.travel(THEN, tick=False):
        make_agent(tags=["a"])
    Change.objects.update(at=None)
    assert {change.moment for change in Change.objects.all()} == {THEN}
