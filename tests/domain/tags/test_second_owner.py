"""A second owner: every path that adds a user tag applies the one rule."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import override_settings

from agents.core.errors import Conflict, Invalid, NotAllowed
from agents.core.filters import AgentFilter
from agents.core.json_text import loads
from agents.domain.agents.duplicate import duplicate_agent
from agents.domain.agents.edit import AgentEdit
from agents.domain.agents.new import NewAgent
from agents.domain.agents.shared import mark_shared, unmark_shared
from agents.domain.agents.trash import restore
from agents.domain.agents.write import delete_agent, update_agent
from agents.domain.bulk import from_csv
from agents.domain.bulk.notices import plan_notices
from agents.domain.bulk.plans import BulkChange, Selection, make_plan
from agents.domain.directory.rename import describe_tag, rename_tag
from agents.domain.history.undo import undo
from agents.domain.tags import second_owner
from agents.domain.tags.add_typed import add_typed
from agents.domain.tags.edit import change_tags, move_agent
from agents.domain.tags.notices import Kind
from agents.domain.transfer.export import export_agent
from agents.domain.transfer.import_file import import_file
from agents.domain.transfer.many_files import parse_files
from agents.domain.users import assign
from agents.models import Agent, BulkOp, BulkPlan, Change, ChangeSet, Owners
from agents.tasks import bulk
from tests.helpers import ROOT, drift, make_agent, make_editor, make_manager, tags_of

pytestmark = pytest.mark.django_db
MODEL = "letta/letta-free"


def _plan(op: BulkOp, agent: Agent, **tags: Any) -> BulkPlan:
    selection = Selection(AgentFilter(ids=(agent.public_id,)))
    return make_plan(selection=selection, change=BulkChange(op, **tags), actor=make_manager())


def _apply(plan: BulkPlan) -> None:
    bulk.begin(plan_id=plan.id, actor=make_manager())


def _undo(agent: Agent) -> None:
    change_tags(agent_id=agent.public_id, remove=["user_1"], actor=ROOT)
    removal = ChangeSet.objects.latest("id")
    change_tags(agent_id=agent.public_id, add=["user_2"], actor=ROOT)
    undo(change_set_id=removal.id, actor=ROOT, agent_id=agent.public_id)


def _import(agent: Agent) -> None:
    file = dict(export_agent(agent.public_id, actor=ROOT))
    file["agents"][0]["tags"] = ["user_1", "user_2"]
    import_file(parse_files([("a.af", json.dumps(file).encode())]), actor=ROOT, again=True)


def _rename(agent: Agent) -> None:
    change_tags(agent_id=agent.public_id, add=["label"], actor=ROOT)
    rename_tag(old="label", new="user_2", actor=ROOT)


def _describe(agent: Agent) -> None:
    change_tags(agent_id=agent.public_id, add=["label"], actor=ROOT)
    describe_tag(name="label", user=True, actor=ROOT)


def _merge(agent: Agent) -> None:
    make_agent(tags=["user_2"])
    change_tags(agent_id=agent.public_id, add=["label"], actor=ROOT)
    bulk.merge_tags(source="label", target="user_2", actor=ROOT)


PATHS: dict[str, Callable[[Agent], Any]] = {
    "editor": lambda a: add_typed(agent_id=a.public_id, names=["user_2"], actor=make_editor()),
    "change": lambda a: change_tags(agent_id=a.public_id, add=["user_2"], actor=ROOT),
    "update": lambda a: update_agent(
        agent_id=a.public_id, edit=AgentEdit(), tags=["user_1", "user_2"], actor=ROOT
    ),
    "new": lambda _: make_agent(tags=["user_1", "user_2"]),
    "duplicate": lambda a: duplicate_agent(
        agent_id=a.public_id, spec=NewAgent(model=MODEL, tags=["user_1", "user_2"]), actor=ROOT
    ),
    "assign": lambda a: assign(name="user_2", agent_ids=[a.public_id], actor=ROOT),
    "import": _import,
    "rename": _rename,
    "mark as user": _describe,
    "merge": _merge,
    "bulk": lambda a: _apply(_plan(BulkOp.ADD, a, add=["user_2"])),
    "csv": lambda a: _apply(from_csv.plan_rows(text=f"{a.public_id},user_2", actor=make_manager())),
    "undo": _undo,
}


@pytest.mark.parametrize("path", PATHS)
def test_every_path_reports_a_second_owner(path: str) -> None:
    agent = make_agent(tags=["user_1"])
    with second_owner.counting() as counted:
        PATHS[path](agent)
    assert counted.number == 1
    assert Agent.objects.filter(user_tag_count=2).count() == 1
    assert drift() == []


@pytest.mark.parametrize("path", PATHS)
def test_every_path_refuses_a_second_owner_if_the_settings_say_so(path: str) -> None:
    agent = make_agent(tags=["user_1"])
    with override_settings(SECOND_OWNER="refuse"):
        if path == "undo":  # what it leaves, it lists
            PATHS[path](agent)
        else:
            # A plan leaves the agent out, and then changes none.
            with pytest.raises(Conflict, match=r"would have a second owner|changes no agent"):
                PATHS[path](agent)
    assert not Agent.objects.filter(user_tag_count__gt=1).exists()


@pytest.mark.parametrize("path", ["change", "bulk", "csv", "assign", "merge", "rename"])
def test_an_agent_meant_to_be_shared_is_not_reported_nor_refused(path: str) -> None:
    agent = make_agent(tags=["user_1"])
    mark_shared(agent_id=agent.public_id, reason="A team's agent", actor=make_manager())
    with override_settings(SECOND_OWNER="refuse"), second_owner.counting() as counted:
        PATHS[path](agent)
    assert counted.number == 0
    assert "user_2" in tags_of(agent)


def test_the_rule_looks_at_the_change_only() -> None:
    agent = make_agent(tags=["user_1", "user_2"])
    with second_owner.counting() as counted:
        change_tags(agent_id=agent.public_id, add=["vip"], actor=ROOT)
        change_tags(agent_id=agent.public_id, remove=["vip", "user_2"], actor=ROOT)
        change_tags(agent_id=agent.public_id, add=["user_3"], remove=["user_1"], actor=ROOT)
    assert counted.number == 0
    with override_settings(SECOND_OWNER="allow"), second_owner.counting() as counted:
        change_tags(agent_id=agent.public_id, add=["user_4"], actor=ROOT)
    assert counted.number == 0


def test_the_mark_needs_a_manager_and_a_reason_and_is_in_the_history() -> None:
    agent, mona = make_agent(tags=["user_1"]), make_manager()
    with pytest.raises(NotAllowed):
        mark_shared(agent_id=agent.public_id, reason="why", actor=make_editor())
    with pytest.raises(Invalid, match="Say why"):
        mark_shared(agent_id=agent.public_id, reason=" ", actor=mona)
    assert mark_shared(agent_id=agent.public_id, reason="Team", actor=mona).shared_reason == "Team"
    assert unmark_shared(agent_id=agent.public_id, actor=mona).shared_reason is None
    changes = Change.objects.filter(field="meant to be shared").order_by("id")
    assert list(changes.values_list("old", "new")) == [(None, "Team"), ("Team", None)]


def test_move_leaves_one_owner_and_is_undone_as_one() -> None:
    agent = make_agent(tags=["user_1", "user_2", "vip"])
    with second_owner.counting() as counted:
        result = move_agent(agent_id=agent.public_id, to="user_3", actor=ROOT, reason="sold")
    assert tags_of(agent) == ["user_3", "vip"]
    assert counted.number == 0
    assert result.change_set is not None
    assert result.change_set.reason == "sold"
    undo(change_set_id=result.change_set.id, actor=ROOT)
    assert tags_of(agent) == ["user_1", "user_2", "vip"]
    with pytest.raises(Invalid, match="not a user tag"):
        move_agent(agent_id=agent.public_id, to="vip", actor=ROOT)
    assert drift() == []


def test_a_restored_agent_is_reported_but_never_refused() -> None:
    agent = make_agent(tags=["user_1", "label"])
    make_agent(tags=["label"])
    delete_agent(agent_id=agent.public_id, actor=ROOT)
    rename_tag(old="label", new="user_2", actor=ROOT)
    with override_settings(SECOND_OWNER="refuse"), second_owner.counting() as counted:
        restore(agent_ids=[agent.public_id], actor=ROOT)
    assert (counted.number, tags_of(agent)) == (1, ["user_1", "user_2"])


def test_a_plan_for_50_agents_names_new_tags_look_alikes_and_second_owners() -> None:
    agents = [make_agent(tags=["t", *(["user_5"] if n < 2 else ["user_7"])]) for n in range(48)]
    agents += [make_agent(tags=["t", "tier:gold"]) for _ in range(2)]
    change = BulkChange(BulkOp.ADD, add=["tier:glod", "User_5", "user_99999"])
    selection = Selection(AgentFilter(any=("t",)))
    plan = make_plan(selection=selection, change=change, actor=make_manager())
    found = plan_notices(plan, actor=make_manager())
    assert [(one.kind, one.tag, one.other, one.n) for one in found] == [
        (Kind.SECOND_OWNER, "user_99999", "", 48),
        (Kind.NEW, "user_99999", "", 0),
        (Kind.NEW, "tier:glod", "tier:gold", 2),
        (Kind.LOOKALIKE, "User_5", "user_5", 2),
    ]
    assert plan.matched == len(agents)


def test_a_plan_puts_second_owners_first_and_can_move_or_skip_them() -> None:
    free = [make_agent(tags=["t"]) for _ in range(25)]
    owned = make_agent(tags=["t", "user_1"], name="Owned")
    newest = make_agent(tags=["t"])
    change = BulkChange(BulkOp.ADD, add=["user_2", "t"])
    selection = Selection(AgentFilter(any=("t",)))
    plan = make_plan(selection=selection, change=change, actor=make_manager())
    assert loads(plan.sample)[0] | {"words": 0} == {
        "id": owned.public_id, "name": "Owned", "words": 0, "second": True,
    }  # fmt: skip
    assert plan.second_owners == 1
    assert dict(loads(plan.tally)) == {"user_2": {"add": 27, "second": 1}, "t": {"same": 27}}
    moved = bulk.revise(plan_id=plan.id, owners=Owners.MOVE, actor=make_manager())
    left_out = bulk.revise(plan_id=plan.id, owners=Owners.SKIP, actor=make_manager())
    assert (moved.second_owners, left_out.second_owners) == (0, 0)
    _apply(left_out)
    assert tags_of(owned) == ["t", "user_1"]
    assert tags_of(free[0]) == tags_of(newest) == ["t", "user_2"]
    # Other agents would change now, so this is the rest.
    _apply(_plan(BulkOp.MOVE, owned, add=["user_2"]))
    assert tags_of(owned) == ["t", "user_2"]
    assert drift() == []


def test_a_file_can_be_planned_again_with_another_tag_or_a_move() -> None:
    agent = make_agent(tags=["user_1"])
    plan = from_csv.plan_rows(text=f"{agent.public_id},user_2", actor=make_manager())
    assert plan.second_owners == 1
    other = bulk.revise(plan_id=plan.id, use=("user_2", "vip"), actor=make_manager())
    assert dict(loads(other.tally)) == {"vip": {"add": 1}}
    moved = bulk.revise(plan_id=plan.id, owners=Owners.MOVE, actor=make_manager())
    _apply(moved)
    assert tags_of(agent) == ["user_2"]
    assert drift() == []
