"""A bulk deletion takes agents of sources along, at their source first; undo makes them again there."""

import pytest

from agents.core.filters import AgentFilter
from agents.domain.bulk import run
from agents.domain.bulk.plans import BulkChange, Selection, make_plan
from agents.domain.bulk.results import results_of
from agents.models import Agent, AgentSource, BulkOp, BulkPlan, TrashedAgent, TrashedFile
from agents.tasks import bulk
from tests.domain.sources.fixtures import known
from tests.helpers import ROOT, drift, make_agent, make_manager, tags_of
from tests.net.scripted import Letta, Reply

pytestmark = pytest.mark.django_db(transaction=True)


def make_three(letta: Letta, source: AgentSource) -> list[str]:
    """Two agents of user_1 at the source, and one kept here."""
    block = [{"label": "human", "value": "Jane, 555-0100"}]
    there = [
        known(letta, source, name=name, tags=["user_1"], memory_blocks=block).public_id
        for name in ("Ann", "Bo")
    ]
    return [*there, make_agent(name="Here", tags=["user_1"]).public_id]


def deletion() -> BulkPlan:
    """A bulk deletion of the agents of user_1, applied as far as it goes."""
    actor = make_manager()
    selection = Selection(AgentFilter(any=("user_1",)))
    plan = make_plan(selection=selection, change=BulkChange(BulkOp.DELETE), actor=actor)
    return bulk.begin(plan_id=plan.id, actor=actor)


def results(plan: BulkPlan) -> dict[str, str | None]:
    return {result.name: result.outcome for result in results_of(plan, ROOT)}


def resumed(plan: BulkPlan) -> BulkPlan:
    run.resume(plan_id=plan.id, actor=make_manager())
    bulk.run_here(plan)
    plan.refresh_from_db()
    return plan


def test_all_are_deleted_and_undo_brings_all_back(letta: Letta, letta_source: AgentSource) -> None:
    *there, here = make_three(letta, letta_source)
    plan = deletion()
    assert (plan.state, plan.changed) == ("done", 3)
    assert results(plan) == {"Ann": "change", "Bo": "change", "Here": "change"}
    assert (letta.agents, letta.loose, Agent.objects.count()) == ({}, {}, 0)
    assert set(TrashedAgent.objects.values_list("change_set_id", flat=True)) == {plan.change_set_id}
    undo = bulk.begin_undo(plan_id=plan.id, actor=make_manager())
    assert (undo.state, undo.changed) == ("done", 3)
    agents = {agent.name: agent for agent in Agent.objects.all()}
    assert agents["Here"].public_id == here
    assert {agents["Ann"].public_id, agents["Bo"].public_id} == set(letta.agents)
    assert not set(letta.agents) & set(there)
    assert all(tags_of(agent) == ["user_1"] for agent in agents.values())
    assert TrashedFile.objects.count() == 0
    assert drift() == []


def test_what_a_source_does_not_do_is_shown_and_resumed(
    letta: Letta, letta_source: AgentSource
) -> None:
    make_three(letta, letta_source)
    letta.instead = lambda asked: Reply(503) if asked.method == "DELETE" else None
    plan = deletion()
    assert (plan.state, plan.changed) == ("stopped", 1)
    assert "2 agents are not done at their source: prod cannot do this now" in plan.problem
    assert Agent.objects.count() == 2
    assert len([asked for asked in letta.asked if asked.method == "DELETE"]) == 1
    assert resumed(plan).state == "stopped"
    letta.instead = lambda asked: None
    plan = resumed(plan)
    assert (plan.state, plan.changed, plan.problem) == ("done", 3, "")
    assert results(plan) == {"Ann": "change", "Bo": "change", "Here": "change"}
    assert letta.agents == {}


def test_undo_goes_on_after_a_failure(letta: Letta, letta_source: AgentSource) -> None:
    make_three(letta, letta_source)
    plan = deletion()
    letta.instead = lambda asked: Reply(503) if asked.path.endswith("/import") else None
    undo = bulk.begin_undo(plan_id=plan.id, actor=make_manager())
    assert (undo.state, undo.changed) == ("stopped", 1)
    assert [agent.name for agent in Agent.objects.all()] == ["Here"]
    letta.instead = lambda asked: None
    undo = resumed(undo)
    assert (undo.state, undo.changed) == ("done", 3)
    assert len(letta.agents) == 2


def test_agents_that_others_deleted_there_meanwhile_count_as_deleted(
    letta: Letta, letta_source: AgentSource
) -> None:
    ann, *_ = make_three(letta, letta_source)
    del letta.agents[ann]
    plan = deletion()
    assert (plan.state, plan.changed) == ("done", 3)
    undo = bulk.begin_undo(plan_id=plan.id, actor=ROOT)
    assert (undo.state, undo.changed) == ("done", 3)
    kept = Agent.objects.get(name="Ann")
    assert (kept.public_id, kept.source_id) == (ann, None)
