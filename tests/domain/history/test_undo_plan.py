"""The plan of an undo: when it is needed, what it says, and what was undone already."""

from datetime import timedelta

import pytest
from django.utils import timezone

from agents.domain.history.undo import undo
from agents.domain.tags.edit import change_tags
from agents.domain.users import assign
from agents.models import ChangeSet
from agents.queries.history.undo_plan import needs_review, plan_undo, undone_sets
from tests.helpers import ROOT, make_agent

pytestmark = pytest.mark.django_db


def latest() -> ChangeSet:
    return ChangeSet.objects.latest("id")


def test_only_large_old_and_creating_changes_need_a_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    agents = [make_agent(tags=["t"]) for _ in range(3)]
    assert needs_review(latest())
    assign(name="user_1", agent_ids=[agent.public_id for agent in agents], actor=ROOT)
    change_set = latest()
    assert not needs_review(change_set)
    monkeypatch.setattr("agents.queries.history.undo_plan.LARGE", 2)
    assert needs_review(change_set)
    assert not needs_review(change_set, agent_id=agents[0].public_id)
    change_set.created_at = timezone.now() - timedelta(days=1, minutes=1)
    assert needs_review(change_set, agent_id=agents[0].public_id)


def test_a_plan_says_who_loses_the_owner_and_who_gets_a_second_one() -> None:
    first, second = make_agent(tags=["vip"]), make_agent(tags=["user_2"])
    assign(name="user_1", agent_ids=[first.public_id, second.public_id], actor=ROOT)
    plan = plan_undo(latest())
    assert (plan.agents, plan.removes, plan.adds) == (2, [("user_1", 2)], [])
    assert (plan.ownerless, plan.second) == (1, 0)
    change_tags(agent_id=second.public_id, remove=["user_2"], actor=ROOT)
    plan = plan_undo(latest())
    assert (plan.adds, plan.ownerless, plan.second) == ([("user_2", 1)], 0, 1)


def test_an_undo_that_was_undone_does_not_count() -> None:
    agent = make_agent()
    change_tags(agent_id=agent.public_id, add=["vip"], actor=ROOT)
    change = latest()
    assert undone_sets([change.id]) == {}
    undo(change_set_id=change.id, actor=ROOT)
    first_undo = latest()
    assert undone_sets([change.id]) == {change.id: first_undo}
    undo(change_set_id=first_undo.id, actor=ROOT)
    assert undone_sets([change.id]) == {}
