"""Agents of a source: gone, hidden, known ids, adoption, and another server behind the address."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from agents.domain import users
from agents.domain.agents.write import delete_agent
from agents.domain.directory.rename import rename_tag
from agents.domain.sources import lease, manage
from agents.domain.sources.inbox import accept, put_back
from agents.domain.sources.leaving import (
    AgentsOf,
    Side,
    pause_all,
    plan_resume,
    remove_source,
    resume,
)
from agents.domain.sources.pull import MassChange
from agents.models import Agent, InboxItem, SourcedAgent, Tombstone
from agents.queries import sources as queries
from agents.queries.agents.sourced import at_of
from tests.domain.sources.conftest import Connected
from tests.domain.sources.stand_in import StandIn, stand_in
from tests.helpers import ROOT, make_agent

pytestmark = pytest.mark.django_db


@pytest.fixture
def other(local: Connected) -> Iterator[Connected]:
    """A second source."""
    with stand_in() as running:
        yield Connected(running, name="other").add()


def test_an_agent_deleted_there_goes_and_the_inbox_says_so(local: Connected) -> None:
    gone, stays = local.server.add("user_1", name="Gone"), local.server.add("user_1")
    local.pull()
    del local.server.agents[gone]
    assert local.pull().gone == 1
    assert list(Agent.objects.values_list("public_id", flat=True)) == [stays]
    assert Tombstone.objects.get().public_id == gone
    assert local.inbox() == [("gone", gone, "")]
    [item] = queries.inbox()
    put_back(item_id=item.id, actor=ROOT)
    kept = Agent.objects.get(public_id=gone)
    assert (kept.source_id, local.tags(gone)) == (None, ["user_1"])


def test_an_agent_that_was_gone_and_is_there_again_comes_in_again(local: Connected) -> None:
    agent_id = local.server.add("user_1")
    local.pull()
    away = local.server.agents.pop(agent_id)
    assert local.pull().gone == 1
    local.server.agents[agent_id] = away
    assert local.pull().new == 1
    assert local.tags(agent_id) == ["user_1"]
    assert not Tombstone.objects.exists()


def test_a_hidden_agent_stays_and_is_not_asked_for_at_each_look(local: Connected) -> None:
    agent_id = local.server.add("user_1")
    local.pull()
    local.server.agents[agent_id]["hidden"] = True
    assert local.pull().gone == 0
    assert local.row(agent_id).hidden_there
    assert Agent.objects.get(public_id=agent_id).hidden
    local.server.requests.clear()
    local.pull()
    assert "agent_retrieve" not in local.server.requests
    local.server.agents[agent_id]["hidden"] = False
    local.pull()
    assert not local.row(agent_id).hidden_there
    assert not Agent.objects.get(public_id=agent_id).hidden


def test_an_empty_server_deletes_nothing_and_asks(local: Connected) -> None:
    for _ in range(25):
        local.server.add("user_1")
    local.pull()
    local.server.agents.clear()
    local.server.add("user_9", name="of another server")
    with pytest.raises(MassChange, match="Is this another server"):
        local.pull()
    assert Agent.objects.count() == 25
    resume(source=local.source.id, actor=ROOT, same_server=True)
    assert local.pull().gone == 25
    assert Agent.objects.get().name == "of another server"
    assert not local.source.mass_change_allowed


def test_a_copy_with_other_owners_hands_out_nothing_and_asks(local: Connected) -> None:
    ids = [local.server.add("user_1") for _ in range(25)]
    local.pull()
    for agent_id in ids:
        local.server.agents[agent_id]["tags"] = ["user_2"]
    with pytest.raises(MassChange, match="25 or more of 25 agents have other owners"):
        local.pull()
    assert all(local.tags(agent_id) == ["user_1"] for agent_id in ids)
    lease.pause_and_ask(source_id=local.source.id, why="Is this another server?")
    assert local.source.pause_reason == "Is this another server?"


def test_known_ids_of_another_source_get_no_rights_and_one_question(
    local: Connected, other: Connected
) -> None:
    ids = [local.server.add("user_1") for _ in range(3)]
    local.pull()
    for agent_id in ids:
        other.server.add("user_2", id=agent_id)
    other.server.add("user_2")
    assert other.pull().new == 1
    assert all(local.tags(agent_id) == ["user_1"] for agent_id in ids)
    assert other.inbox() == [("known-id", "", "local")]
    [item] = queries.inbox(source_id=other.source.id)
    assert '"count":3,"of":4' in item.details


def test_an_agent_kept_here_is_adopted_in_the_first_sync_with_all_tags(server: StandIn) -> None:
    local = Connected(server).add()
    agent = make_agent(name="Mine", tags=["user_1", "here"], public_id=f"agent-local-{uuid4()}")
    local.server.add("user_2", "there", id=agent.public_id, name="Theirs")
    local.pull()
    local.push()
    everything = ["here", "there", "user_1", "user_2"]
    assert local.tags(agent.public_id) == everything
    assert sorted(local.server.tags(agent.public_id)) == everything
    assert Agent.objects.get().name == "Theirs"
    assert local.inbox() == [("adopted", agent.public_id, "")]


def test_later_an_agent_kept_here_cannot_be_taken_over(local: Connected) -> None:
    agent = make_agent(name="Mine", tags=["user_1"], public_id=f"agent-local-{uuid4()}")
    local.server.add("user_2", id=agent.public_id, name="Theirs")
    local.pull()
    assert local.tags(agent.public_id) == ["user_1"]
    assert Agent.objects.get().name == "Mine"
    assert local.inbox() == [("known-id", "", "")]


def test_only_agents_with_the_tag_of_the_source_come_in(server: StandIn) -> None:
    local = Connected(server).add(only_tag="prod")
    inside, _outside = server.add("prod", "user_1"), server.add("user_1")
    local.pull()
    assert Agent.objects.get().public_id == inside


def test_an_entry_with_a_strange_id_is_a_question_and_no_agent(local: Connected) -> None:
    local.server.add("user_1", id="my-agent")
    good = local.server.add("user_1")
    local.pull()
    assert Agent.objects.get().public_id == good
    assert local.inbox() == [("limit", "my-agent", "")]


def test_what_was_deleted_here_does_not_come_back(local: Connected) -> None:
    agent_id = local.server.add("user_1")
    local.pull()
    delete_agent(agent_id=agent_id, actor=ROOT)
    local.memory.states.clear()
    assert local.pull().new == 0
    assert not Agent.objects.exists()


def test_owner_tags_changed_there_count_at_once_and_can_be_put_back(local: Connected) -> None:
    agent_id = local.server.add("user_1")
    local.pull()
    local.server.retag(agent_id, add="user_2", remove="user_1")
    local.pull()
    assert local.tags(agent_id) == ["user_2"]
    [item] = queries.inbox()
    put_back(item_id=item.id, actor=ROOT)
    assert local.tags(agent_id) == ["user_1"]
    local.push()
    assert local.server.tags(agent_id) == ["user_1"]
    assert local.inbox() == []


def test_a_change_and_its_reverse_are_no_question(local: Connected) -> None:
    agent_id = local.server.add("user_1")
    local.pull()
    for add, remove in (("user_2", "user_1"), ("user_1", "user_2")):
        local.server.retag(agent_id, add=add, remove=remove)
        local.pull()
    assert local.inbox() == []


def test_owner_tags_given_here_only_are_put_back_three_times_and_then_asked(
    server: StandIn,
) -> None:
    agent_id = server.add("user_1")
    local = Connected(server).add(owners_given_here=True)
    local.pull()  # the first time what is there counts
    assert local.tags(agent_id) == ["user_1"]
    for _ in range(3):
        server.retag(agent_id, add="user_2")
        local.pull()
        local.push()
        assert server.tags(agent_id) == local.tags(agent_id) == ["user_1"]
    server.retag(agent_id, add="user_2")
    local.pull()
    local.push()
    assert (server.tags(agent_id), local.tags(agent_id)) == (["user_1", "user_2"], ["user_1"])
    [item] = queries.inbox()
    accept(item_id=item.id, actor=ROOT)
    assert local.tags(agent_id) == ["user_1", "user_2"]
    new = server.add("user_3", "vip")
    local.pull()
    local.push()
    assert local.tags(new) == server.tags(new) == ["vip"]


def test_an_old_name_that_is_still_written_is_asked_once(local: Connected) -> None:
    first = local.server.add("old")
    local.pull()
    rename_tag(old="old", new="new", actor=ROOT)
    local.push()
    assert local.server.tags(first) == ["new"]
    for _ in range(2):
        local.server.add("old")
        local.pull()
    assert local.inbox() == [("old-name", "", "old")]


def test_the_tag_of_a_user_who_left_is_asked_when_it_comes_back(local: Connected) -> None:
    agent_id = local.server.add("user_1")
    local.pull()
    users.offboard(name="user_1", how=users.OffboardMode.TAG, actor=ROOT)
    local.push()
    assert local.server.tags(agent_id) == []
    back = local.server.add("user_1")
    local.pull()
    assert local.inbox() == [("offboarded", back, "user_1")]
    [item] = queries.inbox()
    put_back(item_id=item.id, actor=ROOT)
    local.push()
    assert local.server.tags(back) == []


@pytest.mark.parametrize("side", [Side.THERE, Side.HERE])
def test_after_a_restore_nothing_is_sent_until_a_person_says_which_side_counts(
    local: Connected, side: Side
) -> None:
    agent_id = local.server.add("a")
    local.pull()
    local.edit(agent_id, add=["was-waiting"])
    pause_all(reason="restored", actor=ROOT)
    local.server.retag(agent_id, add="since")
    plan = plan_resume(source=local.source.id, actor=ROOT)
    assert (plan.old, plan.rows[0].here, plan.rows[0].there, plan.rows[0].seen) == (
        1, ["a", "was-waiting"], ["a", "since"], ["a"],
    )  # fmt: skip
    resume(source=local.source.id, actor=ROOT, waiting=side)
    local.pull()
    local.push()
    both = ["a", "since", "was-waiting"] if side is Side.HERE else ["a", "since"]
    assert local.tags(agent_id) == sorted(local.server.tags(agent_id)) == both


@pytest.mark.parametrize("agents", list(AgentsOf))
def test_a_removed_source_leaves_copies_or_nothing(local: Connected, agents: AgentsOf) -> None:
    agent_id = local.server.add("user_1")
    local.pull()
    remove_source(source="local", agents=agents, actor=ROOT)
    kept = Agent.objects.filter(public_id=agent_id, source=None).exists()
    assert kept == (agents is AgentsOf.KEEP)
    assert not SourcedAgent.objects.exists()
    assert not InboxItem.objects.exists()
    assert agent_id in local.server.agents


def test_a_paused_source_keeps_edits_and_says_what_waits(local: Connected) -> None:
    agent_id = local.server.add("a")
    local.pull()
    manage.pause(source="local", actor=ROOT, reason="maintenance")
    local.edit(agent_id, add=["b"], remove=["a"])
    assert lease.take("me") == []
    [state] = queries.states()
    assert (state.state, state.waiting, state.agents) == ("paused", 1, 1)
    at = at_of(Agent.objects.get())
    assert at is not None
    assert (at.waits("b"), at.still_there(["b"])) == (True, ["a"])
