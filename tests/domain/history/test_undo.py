"""Undo: the inverse, where the state is still as the change left it; the rest is listed."""

import pytest
from pytest_django import Settings

from agents.core.actors import MANAGE, READ
from agents.core.errors import NotAllowed, NotFound
from agents.domain.agents.edit import AgentEdit
from agents.domain.agents.new import NewAgent
from agents.domain.agents.write import create_agents, delete_agent, update_agent
from agents.domain.history.undo import Undone, undo
from agents.domain.tags.edit import change_tags
from agents.models import Act, Agent, ChangeSet, Op, Tag
from tests.helpers import (
    ROOT,
    all_tags,
    drift,
    everything,
    make_agent,
    make_editor,
    make_key_actor,
    replace_tags,
    replayed,
    tags_of,
)

pytestmark = pytest.mark.django_db


def change(agent: Agent, *, add: list[str] | None = None, remove: list[str] | None = None) -> int:
    """Change tags as Mara; the change-set's id."""
    result = change_tags(
        agent_id=agent.public_id, add=add or [], remove=remove or [], actor=make_editor()
    )
    assert result.change_set
    return result.change_set.id


def done(undone: Undone) -> list[tuple[str, str | None]]:
    return [(change.op, change.tag) for change in undone.done]


def kept(undone: Undone) -> dict[str, str]:
    """Why each tag was kept, without the time."""
    return {kept.tag: kept.why.partition(" at ")[0] for kept in undone.kept}


@pytest.mark.parametrize(
    ("add", "remove"), [(["c"], []), ([], ["a"]), (["c", "d"], ["a", "user_1"])]
)
def test_undo_it_works(add: list[str], remove: list[str]) -> None:
    agent = make_agent(tags=["a", "b", "user_1"])
    change_set_id = change(agent, add=add, remove=remove)
    before = Agent.objects.get()
    undone = undo(change_set_id=change_set_id, actor=make_editor("Ben"))
    assert tags_of(agent) == ["a", "b", "user_1"]
    assert sorted(done(undone)) == sorted(
        [(Op.ADD, n) for n in add] + [(Op.REMOVE, n) for n in remove]
    )
    assert undone.kept == []
    new = ChangeSet.objects.latest("id")
    assert new == undone.change_set
    assert (new.act, new.undoes, new.actor_name) == (Act.UNDO, change_set_id, "Ben")
    after = Agent.objects.get()
    assert (after.tag_count, after.user_tag_count) == (3, 1)
    assert after.version == before.version + 1
    assert after.updated_at > before.updated_at
    assert drift() == []
    assert replayed() == all_tags()


def test_undo_of_undo_and_of_that() -> None:
    agent = make_agent(tags=["a"])
    change_set_id = change(agent, add=["b"], remove=["a"])
    for tags in (["a"], ["b"], ["a"]):
        undone = undo(change_set_id=change_set_id, actor=make_editor())
        assert tags_of(agent) == tags
        assert undone.change_set
        change_set_id = undone.change_set.id


def test_undo_twice_changes_nothing_the_second_time() -> None:
    agent = make_agent(tags=["a"])
    change_set_id = change(agent, add=["b"], remove=["a"])
    undo(change_set_id=change_set_id, actor=make_editor("Ben"))
    before = everything()
    undone = undo(change_set_id=change_set_id, actor=make_editor())
    assert (undone.change_set, undone.done) == (None, [])
    assert kept(undone) == {"a": "Ben added a", "b": "Ben removed b"}
    assert everything() == before


def test_undo_what_others_changed_since_is_kept() -> None:
    agent = make_agent(tags=["a", "b"])
    change_set_id = change(agent, add=["c", "d"], remove=["a", "b"])
    ben = make_editor("Ben")
    change_tags(agent_id=agent.public_id, add=["a"], remove=["c"], actor=ben)
    undone = undo(change_set_id=change_set_id, actor=make_editor())
    assert done(undone) == [(Op.ADD, "d"), (Op.REMOVE, "b")]
    assert kept(undone) == {"a": "Ben added a", "c": "Ben removed c"}
    assert [one.agent_id for one in undone.kept] == [agent.public_id] * 2
    assert tags_of(agent) == ["a", "b"]


def test_undo_what_was_changed_there_and_back_is_kept() -> None:
    agent = make_agent(tags=["a"])
    change_set_id = change(agent, add=["b"], remove=["a"])
    ben = make_editor("Ben")
    for tags in (["a"], ["b"]):
        replace_tags(agent_id=agent.public_id, tags=tags, actor=ben)
    undone = undo(change_set_id=change_set_id, actor=make_editor())
    assert kept(undone) == {"a": "Ben removed a", "b": "Ben added b"}
    assert tags_of(agent) == ["b"]


def test_undo_says_who_and_when() -> None:
    agent = make_agent()
    change_set_id = change(agent, add=["a"])
    result = change_tags(agent_id=agent.public_id, remove=["a"], actor=make_editor("Ben"))
    assert result.change_set
    undone = undo(change_set_id=change_set_id, actor=make_editor())
    at = f"{result.change_set.created_at:%Y-%m-%d %H:%M} UTC"
    assert [one.why for one in undone.kept] == [f"Ben removed a at {at}"]


def test_undo_on_a_deleted_agent() -> None:
    agents = [make_agent(), make_agent()]
    change_set = _tag_both(agents)
    delete_agent(agent_id=agents[0].public_id, actor=make_editor("Ben"))
    undone = undo(change_set_id=change_set.id, actor=make_editor())
    assert kept(undone) == {"both": "Ben deleted the agent"}
    assert [change.agent_id for change in undone.done] == [agents[1].public_id]
    assert tags_of(agents[1]) == []


def test_undo_across_agents() -> None:
    agents = [make_agent(name=str(n), tags=["own"]) for n in range(3)]
    change_set = _tag_both(agents)
    undone = undo(change_set_id=change_set.id, actor=make_editor())
    assert len(undone.done) == 3
    assert undone.change_set
    assert undone.change_set.changes.count() == 3
    assert [tags_of(agent) for agent in agents] == [["own"]] * 3
    assert drift() == []


def test_undo_on_one_agent_of_several() -> None:
    agents = [make_agent(), make_agent()]
    change_set = _tag_both(agents)
    undo(change_set_id=change_set.id, agent_id=agents[0].public_id, actor=make_editor())
    assert [tags_of(agent) for agent in agents] == [[], ["both"]]
    with pytest.raises(NotFound):
        undo(change_set_id=change_set.id, agent_id="agent-0", actor=make_editor())


def test_undo_of_create_takes_the_tags_off() -> None:
    created = create_agents([NewAgent(model="a/b", tags=["a", "user_1"])], actor=ROOT)[0]
    undo(change_set_id=ChangeSet.objects.get().id, actor=make_editor())
    assert tags_of(created) == []


def test_undo_of_fields_and_tags_undoes_the_tags() -> None:
    agent = make_agent(name="Ada", tags=["a"])
    update_agent(agent_id=agent.public_id, edit=AgentEdit(name="Bea"), tags=["b"], actor=ROOT)
    undo(change_set_id=ChangeSet.objects.latest("id").id, actor=make_editor())
    assert (Agent.objects.get().name, tags_of(agent)) == ("Bea", ["a"])


def test_undo_of_what_cannot_be_undone() -> None:
    agent = make_agent(tags=["a"])
    update_agent(agent_id=agent.public_id, edit=AgentEdit(name="Bea"), actor=ROOT)
    fields = ChangeSet.objects.latest("id").id
    delete_agent(agent_id=agent.public_id, actor=ROOT)
    for change_set_id in (fields, ChangeSet.objects.latest("id").id, 0, 10**15):
        with pytest.raises(NotFound) as refused:
            undo(change_set_id=change_set_id, actor=ROOT)
        assert refused.value.message == "There is no such change to undo."


def test_undo_read_only() -> None:
    change_set_id = change(make_agent(), add=["a"])
    with pytest.raises(NotAllowed):
        undo(change_set_id=change_set_id, actor=make_editor(powers=READ))


def test_undo_protected_tags_are_kept_for_a_manager() -> None:
    agent = make_agent(tags=["view:card"])
    replace_tags(agent_id=agent.public_id, tags=["origin:x", "a"], actor=ROOT)
    change_set_id = ChangeSet.objects.latest("id").id
    undone = undo(change_set_id=change_set_id, actor=make_editor())
    assert done(undone) == [(Op.ADD, "a")]
    assert kept(undone) == {
        "origin:x": "origin:x is protected: only a manager may remove it.",
        "view:card": "view:card is protected: only a manager may add it.",
    }
    undo(change_set_id=change_set_id, actor=make_editor(powers=MANAGE))
    assert tags_of(agent) == ["view:card"]


def test_undo_of_removal_on_a_full_agent(settings: Settings) -> None:
    agent = make_agent(tags=["a", "b"])
    change_set_id = change(agent, add=["c"], remove=["a", "b"])
    change_tags(agent_id=agent.public_id, add=["x", "y"], actor=ROOT)
    settings.MAX_TAGS_PER_AGENT = 3
    undone = undo(change_set_id=change_set_id, actor=make_editor())
    assert kept(undone) == {"b": "the agent has 3 tags, which is the limit"}
    assert tags_of(agent) == ["a", "x", "y"]


def test_undo_by_limited_actor_on_its_own_agents_only() -> None:
    own, foreign = make_agent(tags=["user_1"]), make_agent(tags=["user_2"])
    change_set = _tag_both([own, foreign])
    undone = undo(change_set_id=change_set.id, actor=make_key_actor("user_1"))
    assert [change.agent_id for change in undone.done] == [own.public_id]
    assert undone.kept == []
    assert (tags_of(own), tags_of(foreign)) == (["user_1"], ["both", "user_2"])


def test_undo_by_limited_actor_what_it_cannot_see_is_not_there() -> None:
    foreign, gone = make_agent(tags=["user_2"]), make_agent(tags=["user_1"])
    of_foreign = change(foreign, add=["a"])
    of_gone = change(gone, add=["a"])
    delete_agent(agent_id=gone.public_id, actor=ROOT)
    before = everything()
    for change_set_id in (of_foreign, of_gone, 0):
        with pytest.raises(NotFound) as refused:
            undo(change_set_id=change_set_id, actor=make_key_actor("user_1"))
        assert refused.value.message == "There is no such change to undo."
    assert everything() == before


def test_undo_by_limited_actor_keeps_its_limit_and_what_it_may_not_write() -> None:
    agent = make_agent(tags=["a"])
    change_set_id = change(agent, add=["user_1", "user_2", "b"], remove=["a"])
    undone = undo(change_set_id=change_set_id, actor=make_key_actor("user_1"))
    assert kept(undone) == {
        "user_1": "API key “app” is limited to user_1 and may not remove it.",
        "user_2": "API key “app” may not remove user_2: its rights do not include this tag.",
    }
    assert tags_of(agent) == ["a", "user_1", "user_2"]


def test_undo_of_an_added_tag_makes_no_row_for_a_tag_that_is_gone() -> None:
    agent = make_agent()
    change_set_id = change(agent, add=["a"])
    Tag.objects.filter(name="a").update(name="renamed")
    undone = undo(change_set_id=change_set_id, actor=make_editor())
    assert kept(undone) == {"a": "tag a is no longer as this change left it"}
    assert list(Tag.objects.values_list("name", flat=True)) == ["renamed"]


def _tag_both(agents: list[Agent]) -> ChangeSet:
    """One change-set that tags several agents, as a bulk run leaves it."""
    ids = [_id_of_change(agent) for agent in agents]
    change_set = ChangeSet.objects.get(id=ids[0])
    for agent in agents:
        agent.agenttag_set.filter(tag__name="both").update(change_set_id=ids[0])
    for other in ids[1:]:
        ChangeSet.objects.get(id=other).changes.update(change_set=change_set)
    return change_set


def _id_of_change(agent: Agent) -> int:
    return change(agent, add=["both"])
