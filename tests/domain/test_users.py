"""A user as a whole: agents assigned, and the end of it."""

import pytest

from agents.core.actors import MANAGE, READ
from agents.core.errors import Invalid, NotAllowed, NotFound
from agents.domain.history.undo_set import undo_set
from agents.domain.keys import create_key
from agents.domain.upkeep.recount import differences
from agents.domain.users import OffboardChanged, OffboardMode, assign, offboard, plan_offboard
from agents.models import Act, Agent, ApiKey, ChangeSet, Op, Tag, Tombstone
from tests.helpers import ROOT, drift, everything, make_agent, make_editor, make_key_actor, tags_of

pytestmark = pytest.mark.django_db
MANAGER = make_editor("Mo", MANAGE)


@pytest.mark.parametrize("how", OffboardMode)
def test_offboarding_leaves_no_agent_with_the_tag(how: OffboardMode) -> None:
    own = make_agent(tags=["user_1", "x"])
    shared = make_agent(tags=["user_1", "user_2"])
    other = make_agent(tags=["user_2"])
    create_key(name="k", limit_tag="user_1", actor=ROOT)
    plan = plan_offboard(name="user_1", how=how, actor=MANAGER)
    assert (plan.deleted, plan.shared) == ((0, 2) if how is OffboardMode.TAG else (1, 1))
    result = offboard(
        name="user_1", how=how, actor=MANAGER, fingerprint=plan.fingerprint, reason="left"
    )
    assert not Tag.objects.filter(name="user_1").exists()
    assert [tags_of(one) for one in (shared, other)] == [["user_2"], ["user_2"]]
    gone = Tombstone.objects.values_list("public_id", flat=True)
    assert list(gone) == ([] if how is OffboardMode.TAG else [own.public_id])
    assert Agent.objects.count() == (3 if how is OffboardMode.TAG else 2)
    assert ApiKey.objects.get().disabled_at is not None
    assert result.change_set
    assert (result.change_set.act, result.change_set.agent_count) == (Act.OFFBOARD, 2)
    told = result.change_set.changes.exclude(agent_id=None).values_list("agent_id", flat=True)
    assert set(told) == {own.public_id, shared.public_id}
    assert (drift(), differences()) == ([], [])


def test_offboarding_is_undone_as_far_as_there_are_agents() -> None:
    make_agent(tags=["user_1", "x"])
    shared = make_agent(tags=["user_1", "user_2"])
    done = offboard(name="user_1", how=OffboardMode.AGENTS, actor=MANAGER).change_set
    assert done
    undone = undo_set(change_set_id=done.id, actor=MANAGER)
    assert (tags_of(shared), undone.agents) == (["user_1", "user_2"], 1)
    assert {one.why for one in undone.kept} == {"the agent is deleted"}
    assert (drift(), differences()) == ([], [])


def test_offboarding_of_a_tag_without_agents() -> None:
    agent = make_agent(tags=["user_1"])
    Agent.objects.get()
    offboard(name="user_1", how=OffboardMode.TAG, actor=MANAGER)
    undone = undo_set(change_set_id=ChangeSet.objects.latest("id").id, actor=MANAGER)
    assert (undone.agents, tags_of(agent)) == (1, ["user_1"])


def test_offboarding_of_a_plan_that_no_longer_holds() -> None:
    make_agent(tags=["user_1"])
    plan = plan_offboard(name="user_1", how=OffboardMode.AGENTS, actor=MANAGER)
    make_agent(tags=["user_1", "user_2"])
    before = everything()
    with pytest.raises(OffboardChanged) as raised:
        offboard(
            name="user_1", how=OffboardMode.AGENTS, actor=MANAGER, fingerprint=plan.fingerprint
        )
    assert (raised.value.offboard.deleted, raised.value.offboard.shared) == (1, 1)
    assert everything() == before


@pytest.mark.parametrize("actor", [make_editor(), make_key_actor("user_1", powers=MANAGE)])
def test_offboarding_takes_a_manager(actor: object) -> None:
    make_agent(tags=["user_1"])
    before = everything()
    for how in OffboardMode:
        with pytest.raises(NotAllowed):
            offboard(name="user_1", how=how, actor=actor)
    assert everything() == before


def test_offboarding_of_nobody() -> None:
    with pytest.raises(NotFound):
        offboard(name="user_1", how=OffboardMode.TAG, actor=MANAGER)


def test_assign_it_works() -> None:
    agents = [make_agent(tags=["x"]), make_agent(tags=["user_1"])]
    ids = [agent.public_id for agent in agents]
    done = assign(name="user_1", agent_ids=ids, actor=make_editor())
    assert [tags_of(agent) for agent in agents] == [["user_1", "x"], ["user_1"]]
    assert done
    assert [(one.op, one.agent_id) for one in done.changes.all()] == [(Op.ADD, ids[0])]
    assert assign(name="user_1", agent_ids=ids, actor=make_editor()) is None
    assert drift() == []


@pytest.mark.parametrize("bad", ["agent-0", "", "\x00"])
def test_assign_of_no_agent_changes_nothing(bad: str) -> None:
    agent = make_agent()
    before = everything()
    with pytest.raises(Invalid) as raised:
        assign(name="user_1", agent_ids=[agent.public_id, bad], actor=make_editor())
    assert (raised.value.field, everything()) == ("agents", before)


def test_assign_takes_the_right_to_write_and_to_the_tag() -> None:
    agent = make_agent()
    before = everything()
    for actor, name in [(make_editor(powers=READ), "user_1"), (make_editor(), "origin:x")]:
        with pytest.raises(NotAllowed):
            assign(name=name, agent_ids=[agent.public_id], actor=actor)
    assert everything() == before
