"""Merging and deleting tags, and taking that back."""

import random

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.core.actors import ADMIN, MANAGE
from agents.core.errors import Conflict, DomainError, Invalid, NotAllowed, NotFound
from agents.domain.agents.write import delete_agent
from agents.domain.directory.merge import delete_tag, merge_tags
from agents.domain.directory.plans import PlanChanged, plan_delete, plan_merge
from agents.domain.directory.rename import describe_tag, rename_tag
from agents.domain.history.undo import undo
from agents.domain.history.undo_set import undo_set
from agents.domain.keys import create_key
from agents.domain.tags.edit import change_tags
from agents.domain.upkeep.recount import differences
from agents.models import Act, Agent, AgentTag, ApiKey, Change, ChangeSet, Op, Tag
from tests.domain.core.writer import anything
from tests.helpers import (
    ROOT,
    all_tags,
    drift,
    everything,
    make_agent,
    make_editor,
    make_key_actor,
    replayed,
    tags_of,
)

pytestmark = pytest.mark.django_db
MANAGER = make_editor("Mo", MANAGE)
ADMINISTRATOR = make_editor("Ada", ADMIN)


def carried() -> list[tuple[int, int]]:
    """Who carries what, whenever it came."""
    return sorted(AgentTag.objects.values_list("agent_id", "tag__name"))


def test_merge_it_works() -> None:
    only, both = make_agent(tags=["Vip", "x"]), make_agent(tags=["Vip", "vip"])
    untouched = make_agent(tags=["vip"])
    plan = plan_merge(source="Vip", target="vip", actor=MANAGER)
    assert (plan.agents, plan.overlap, plan.moved) == (2, 1, 1)
    done = merge_tags(
        source="Vip", target="vip", actor=MANAGER, fingerprint=plan.fingerprint, reason="one"
    ).change_set
    assert [tags_of(one) for one in (only, both, untouched)] == [["vip", "x"], ["vip"], ["vip"]]
    assert sorted(Tag.objects.values_list("name", "n")) == [("vip", 3), ("x", 1)]
    assert [agent.version for agent in Agent.objects.order_by("seq")] == [2, 2, 1]
    assert done
    assert (done.act, done.agent_count, done.reason) == (Act.MERGE, 2, "one")
    changes = done.changes.exclude(agent_id=None)
    assert sorted(changes.values_list("agent_id", "op", "tag")) == sorted(
        [
            (only.public_id, Op.REMOVE, "Vip"),
            (only.public_id, Op.ADD, "vip"),
            (both.public_id, Op.REMOVE, "Vip"),
        ]
    )
    assert (drift(), differences(), replayed()) == ([], [], all_tags())


@pytest.mark.parametrize("names", [("user_1", "user_2"), ("vip", "user_2"), ("user_1", "vip")])
def test_merge_counts_users(names: tuple[str, str]) -> None:
    source, target = names
    make_agent(tags=[source, "user_3"])
    make_agent(tags=[source, target])
    merge_tags(source=source, target=target, actor=MANAGER)
    assert (drift(), differences()) == ([], [])


def test_merge_is_undone_to_the_agent_with_what_was_said_of_the_tag() -> None:
    make_agent(tags=["Vip", "x"])
    make_agent(tags=["Vip", "vip"])
    describe_tag(name="Vip", description="Big", colour="red", protection=True, actor=MANAGER)
    before = carried()
    done = merge_tags(source="Vip", target="vip", actor=MANAGER).change_set
    assert done
    undone = undo_set(change_set_id=done.id, actor=MANAGER)
    assert (undone.agents, undone.kept, carried()) == (2, [], before)
    tag = Tag.objects.get(name="Vip")
    assert (tag.description, tag.colour, tag.protected) == ("Big", "red", True)
    assert (drift(), differences(), replayed()) == ([], [], all_tags())
    assert undone.change_set
    undo_set(change_set_id=undone.change_set.id, actor=MANAGER)  # done again
    assert Tag.objects.get(name="vip").n == 2
    assert (drift(), replayed()) == ([], all_tags())


@pytest.mark.parametrize("end", ["merge", "delete"])
def test_undo_brings_back_a_tag_that_no_agent_carried(end: str) -> None:
    agent = make_agent(tags=["Vip", "vip"])
    change_tags(agent_id=agent.public_id, remove=["Vip"], actor=ROOT)
    describe_tag(name="Vip", description="Big", colour="red", protection=True, actor=MANAGER)
    facts = ("name", "n", "description", "colour", "protected", "protected_by_hand")
    before = Tag.objects.filter(name="Vip").values(*facts).get()
    if end == "merge":
        done = merge_tags(source="Vip", target="vip", actor=MANAGER).change_set
    else:
        done = delete_tag(name="Vip", actor=MANAGER).change_set
    assert done
    undone = undo_set(change_set_id=done.id, actor=MANAGER)
    assert (undone.agents, undone.kept, undone.made) == (0, [], ["Vip"])
    assert Tag.objects.filter(name="Vip").values(*facts).get() == before
    assert undone.change_set
    told = undone.change_set.changes.values_list("op", "tag", "agent_id")
    assert list(told) == [(Op.CREATE, "Vip", None)]
    assert undo_set(change_set_id=done.id, actor=MANAGER).change_set is None
    assert (drift(), differences(), replayed()) == ([], [], all_tags())


def test_undo_of_a_merge_leaves_what_changed_since() -> None:
    agents = [make_agent(name=str(n), tags=["Vip"]) for n in range(4)]
    done = merge_tags(source="Vip", target=make_and_name("vip"), actor=MANAGER).change_set
    change_tags(agent_id=agents[0].public_id, remove=["vip"], actor=ROOT)
    change_tags(agent_id=agents[1].public_id, add=["Vip"], actor=ROOT)
    delete_agent(agent_id=agents[2].public_id, actor=ROOT)
    assert done
    undone = undo_set(change_set_id=done.id, actor=MANAGER)
    assert [tags_of(agent) for agent in agents] == [["Vip"], ["Vip"], [], ["Vip"]]
    assert sorted((one.agent_id, one.tag, one.why) for one in undone.kept) == sorted(
        [
            (agents[0].public_id, "vip", "someone has removed it since"),
            (agents[1].public_id, "Vip", "the agent has it again"),
            (agents[2].public_id, "vip", "the agent is deleted"),
            (agents[2].public_id, "Vip", "the agent is deleted"),
        ]
    )
    assert undone.kept_count == 4
    assert (drift(), differences()) == ([], [])


def test_undo_of_a_merge_tells_what_it_left_in_as_many_statements() -> None:
    counts = []
    for number in (1, 5):
        agents = [make_agent(tags=["Vip"]) for _ in range(number)]
        done = merge_tags(source="Vip", target=make_and_name("vip"), actor=MANAGER).change_set
        for agent in agents:
            change_tags(agent_id=agent.public_id, remove=["vip"], actor=ROOT)
        assert done
        with CaptureQueriesContext(connection) as queries:
            assert undo_set(change_set_id=done.id, actor=MANAGER).kept_count == number
        counts.append(len(queries))
        delete_tag(name="Vip", actor=MANAGER)
    assert counts[0] == counts[1]


def make_and_name(tag: str) -> str:
    make_agent(tags=[tag])
    return tag


def test_undo_of_a_merge_on_one_agent() -> None:
    one, other = make_agent(tags=["Vip"]), make_agent(tags=["Vip"])
    done = merge_tags(source="Vip", target=make_and_name("vip"), actor=MANAGER).change_set
    assert done
    undo(change_set_id=done.id, agent_id=one.public_id, actor=make_editor())
    assert [tags_of(agent) for agent in (one, other)] == [["Vip"], ["vip"]]
    assert drift() == []


def test_undo_of_a_merge_on_one_agent_brings_a_protected_tag_back_protected() -> None:
    one, other = make_agent(tags=["Vip"]), make_agent(tags=["Vip"])
    describe_tag(name="Vip", description="Big", protection=True, actor=MANAGER)
    done = merge_tags(source="Vip", target=make_and_name("vip"), actor=MANAGER).change_set
    assert done
    undone = undo(change_set_id=done.id, agent_id=one.public_id, actor=make_editor())
    assert [(kept.tag, kept.why) for kept in undone.kept] == [
        ("Vip", "Vip is protected: only a manager may add it.")
    ]
    undo(change_set_id=done.id, agent_id=other.public_id, actor=MANAGER)
    tag = Tag.objects.get(name="Vip")
    assert (tag.description, tag.protected, tag.n, tags_of(other)) == ("Big", True, 1, ["Vip"])
    assert (drift(), differences()) == ([], [])


def test_undo_of_a_merge_whose_target_was_renamed() -> None:
    agent = make_agent(tags=["Vip"])
    done = merge_tags(source="Vip", target=make_and_name("vip"), actor=MANAGER).change_set
    rename_tag(old="vip", new="gold", actor=MANAGER)
    assert done
    undone = undo_set(change_set_id=done.id, actor=MANAGER)
    assert (tags_of(agent), undone.agents) == (["Vip"], 1)
    assert drift() == []


def test_undo_of_an_older_add_after_a_merge_is_left() -> None:
    agent = make_agent()
    done = change_tags(agent_id=agent.public_id, add=["Vip"], actor=ROOT).change_set
    merge_tags(source="Vip", target=make_and_name("vip"), actor=MANAGER)
    assert done
    undone = undo(change_set_id=done.id, actor=make_editor())
    assert [one.why.partition(" at ")[0] for one in undone.kept] == ["Mo removed Vip"]
    assert tags_of(agent) == ["vip"]


def test_merge_of_a_tag_with_keys_takes_an_admin_and_moves_them() -> None:
    make_agent(tags=["user_01"])
    make_agent(tags=["user_1"])
    create_key(name="k", limit_tag="user_01", actor=ROOT)
    before = everything()
    assert plan_merge(source="user_01", target="user_1", actor=MANAGER).needs_admin
    with pytest.raises(NotAllowed, match="Only an admin"):
        merge_tags(source="user_01", target="user_1", actor=MANAGER)
    assert everything() == before
    done = merge_tags(source="user_01", target="user_1", actor=ADMINISTRATOR).change_set
    assert ApiKey.objects.get().limit_tag == "user_1"
    assert done
    by_manager = undo_set(change_set_id=done.id, actor=MANAGER)
    assert (by_manager.agents, by_manager.kept_count) == (1, 1)
    assert ApiKey.objects.get().limit_tag == "user_1"
    undo_set(change_set_id=done.id, actor=ADMINISTRATOR)
    assert ApiKey.objects.get().limit_tag == "user_01"


def test_delete_it_works_and_is_undone() -> None:
    agent, other = make_agent(tags=["user_1", "x"]), make_agent(tags=["user_1"])
    create_key(name="k", limit_tag="user_1", actor=ROOT)
    before = carried()
    plan = plan_delete(name="user_1", actor=MANAGER)
    assert (plan.agents, len(plan.follows.limits)) == (2, 1)
    done = delete_tag(name="user_1", actor=MANAGER, fingerprint=plan.fingerprint).change_set
    assert [tags_of(agent), tags_of(other)] == [["x"], []]
    assert list(Tag.objects.values_list("name", flat=True)) == ["x"]
    assert ApiKey.objects.get().disabled_at is not None
    assert (drift(), differences(), replayed()) == ([], [], all_tags())
    assert done
    undone = undo_set(change_set_id=done.id, actor=MANAGER)
    assert (carried(), undone.agents) == (before, 2)
    assert (drift(), differences(), replayed()) == ([], [], all_tags())


@pytest.mark.parametrize(
    ("source", "target", "error"),
    [("a", "a", Invalid), ("a", "no", NotFound), ("no", "a", NotFound), ("a", "\x00", NotFound)],
)
def test_merge_refused_changes_nothing(source: str, target: str, error: type[Exception]) -> None:
    make_agent(tags=["a", "b"])
    before = everything()
    with pytest.raises(error):
        merge_tags(source=source, target=target, actor=MANAGER)
    assert everything() == before


@pytest.mark.parametrize("actor", [make_editor(), make_key_actor("a", powers=ADMIN)])
def test_merge_delete_and_their_undo_take_a_manager(actor: object) -> None:
    make_agent(tags=["a", "b"])
    make_agent(tags=["c"])
    done = merge_tags(source="c", target="b", actor=MANAGER).change_set
    assert done
    before = everything()
    for call in (
        lambda: merge_tags(source="a", target="b", actor=actor),
        lambda: delete_tag(name="a", actor=actor),
        lambda: undo_set(change_set_id=done.id, actor=actor),
    ):
        with pytest.raises(NotAllowed):
            call()
    assert everything() == before


def test_plans_that_no_longer_hold_are_refused() -> None:
    make_agent(tags=["a", "b"])
    merge = plan_merge(source="a", target="b", actor=MANAGER)
    deletion = plan_delete(name="a", actor=MANAGER)
    make_agent(tags=["a"])
    before = everything()
    with pytest.raises(PlanChanged) as raised:
        merge_tags(source="a", target="b", actor=MANAGER, fingerprint=merge.fingerprint)
    assert (raised.value.plan.agents, raised.value.plan.overlap) == (2, 1)
    with pytest.raises(PlanChanged):
        delete_tag(name="a", actor=MANAGER, fingerprint=deletion.fingerprint)
    assert everything() == before


def directory_steps(seed: int, steps: int) -> None:
    """Any writes of agents and of tags themselves, mixed."""
    print("seed", seed)
    dice = random.Random(seed)
    names = ["vip", "Vip", "user_1", "user_01", "origin:x", *"abc"]
    agents = [make_agent(tags=["vip"]).public_id for _ in range(4)]
    for _ in range(steps // 4):
        anything(dice.randrange(10**9), 3, agents, names)
        one, other = dice.sample(names, 2)
        newest = ChangeSet.objects.order_by("-id").values_list("id", flat=True)[0]
        kind = dice.randrange(4)
        try:
            if kind == 0:
                rename_tag(old=one, new=other, actor=ROOT)
            elif kind == 1:
                merge_tags(source=one, target=other, actor=ROOT)
            elif kind == 2:
                delete_tag(name=one, actor=ROOT)
            else:
                undo_set(change_set_id=max(1, newest - dice.randrange(20)), actor=ROOT)
        except (Conflict, Invalid, NotFound):
            pass
        except DomainError as error:
            raise AssertionError(str(error)) from error
    assert (drift(), differences()) == ([], [])
    assert replayed_with_renames() == all_tags()


def replayed_with_renames() -> dict[str, set[str]]:
    """The tags of every agent that is, as history tells, renames included."""
    tags: dict[str, set[str]] = {agent.public_id: set() for agent in Agent.objects.all()}
    for change in Change.objects.order_by("id"):
        if change.op == Op.RENAME:
            for mine in tags.values():
                if change.tag in mine:
                    mine.symmetric_difference_update({change.tag, change.new})
        elif change.op in (Op.ADD, Op.REMOVE) and change.agent_id in tags:
            mine = tags[change.agent_id]
            assert (change.tag in mine) == (change.op == Op.REMOVE)
            mine.symmetric_difference_update({change.tag})
    return tags


@pytest.mark.parametrize("seed", [1, 2, 3, random.randrange(10**9)], ids=["1", "2", "3", "random"])
def test_random_writes_of_tags_add_up(seed: int) -> None:
    directory_steps(seed, 160)


@pytest.mark.prove
def test_many_random_writes_of_tags_add_up() -> None:
    directory_steps(random.randrange(10**9), 4_000)


def test_plan_says_the_wait_as_measured_here(settings: object) -> None:
    make_agent(tags=["a"])
    make_agent(tags=["b"])
    assert plan_merge(source="a", target="b", actor=MANAGER).seconds is None
    settings.WARN_AGENTS = 1
    assert plan_merge(source="a", target="b", actor=MANAGER).seconds == 1
    cache.set("agents-a-second", 0.25)
    assert plan_merge(source="a", target="b", actor=MANAGER).seconds == 4
    assert plan_delete(name="a", actor=MANAGER).seconds == 4
