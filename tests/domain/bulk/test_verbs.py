"""Verbs of bulk changes besides adding tags: the modes of a file, and the model."""

import pytest

from agents.core.errors import Invalid
from agents.core.filters import AgentFilter
from agents.core.json_text import dumps, loads
from agents.domain.agents.edit import AgentEdit
from agents.domain.agents.write import update_agent
from agents.domain.bulk import from_csv
from agents.domain.bulk.plans import BulkChange, Selection, make_plan
from agents.models import Agent, AgentSource, BulkOp, BulkPlan, Change, ChangeSet
from agents.tasks import bulk
from tests.helpers import drift, make_agent, make_manager, tags_of

pytestmark = pytest.mark.django_db


def _apply(plan: BulkPlan) -> BulkPlan:
    return bulk.begin(plan_id=plan.id, actor=make_manager())


def test_a_file_removes_its_tags() -> None:
    agent, other = make_agent(tags=["a", "b"]), make_agent(tags=["a"])
    text = f"agent_id,tag\n{agent.public_id},a\n{agent.public_id},none\n"
    _apply(from_csv.plan_rows(text=text, actor=make_manager(), op=BulkOp.ROWS_REMOVE))
    assert (tags_of(agent), tags_of(other)) == (["b"], ["a"])
    assert drift() == []


def test_an_edited_export_replaces_all_tags_and_is_undone_as_one() -> None:
    agent, second, left = (
        make_agent(tags=["a", "b"]),
        make_agent(tags=["a"]),
        make_agent(tags=["c"]),
    )
    rows = [[agent.public_id, ["b", "new"]], [second.public_id, ["a"]], [left.public_id, []]]
    lines = [f'{agent_id},"{dumps(tags).replace(chr(34), chr(34) * 2)}"' for agent_id, tags in rows]
    text = "\n".join(["id,tags", *lines])
    plan = from_csv.plan_rows(text=text, actor=make_manager(), op=BulkOp.ROWS_SET)
    assert loads(plan.planned) == {"change": 1, "same": 1}
    plan = _apply(plan)
    assert [tags_of(one) for one in (agent, second, left)] == [["b", "new"], ["a"], ["c"]]
    bulk.begin_undo(plan_id=plan.id, actor=make_manager())
    assert tags_of(agent) == ["a", "b"]
    assert drift() == []


def test_change_of_the_model_is_recorded_and_undone() -> None:
    agents = [make_agent(tags=["t"]) for _ in range(2)]
    same = make_agent(tags=["t"], model="openai/gpt-4o")
    selection = Selection(AgentFilter(any=("t",)))
    with pytest.raises(Invalid):
        make_plan(
            selection=selection, change=BulkChange(BulkOp.MODEL, ["none"]), actor=make_manager()
        )
    change = BulkChange(BulkOp.MODEL, ["openai/gpt-4o"], reason="cheaper")
    plan = _apply(make_plan(selection=selection, change=change, actor=make_manager()))
    assert plan.changed == 2
    models = Agent.objects.filter(tag_count=1).values_list("model", flat=True)
    assert set(models) == {"openai/gpt-4o"}
    changes = Change.objects.filter(field="model", change_set_id=plan.change_set_id)
    assert {change.agent_id for change in changes} == {agent.public_id for agent in agents}
    assert Agent.objects.get(seq=same.seq).version == same.version
    update_agent(
        agent_id=agents[0].public_id, edit=AgentEdit(model="a/other"), actor=make_manager()
    )
    undo = bulk.begin_undo(plan_id=plan.id, actor=make_manager())
    left = [loads(one) for one in undo.batches.values_list("left", flat=True)]
    assert [row[1:] for rows in left for row in rows if row[1] == "kept"] == [
        ["kept", "its model is a/other now"]
    ]
    models = Agent.objects.order_by("seq").values_list("model", flat=True)
    assert list(models) == ["a/other", "letta/letta-free", "openai/gpt-4o"]
    assert ChangeSet.objects.get(id=undo.change_set_id).undoes == plan.change_set_id


def test_model_of_an_agent_of_a_source_is_not_changed_here(letta_source: AgentSource) -> None:
    agent = make_agent(tags=["t"])
    Agent.objects.update(source=letta_source)
    change = BulkChange(BulkOp.MODEL, ["openai/gpt-4o"])
    plan = make_plan(
        selection=Selection(AgentFilter(any=("t",))), change=change, actor=make_manager()
    )
    assert loads(plan.planned) == {"refused": 1}
    agent.refresh_from_db()
    assert agent.model == "letta/letta-free"
