"""Tags go both ways, merged three ways for each agent."""

import pytest

from agents.domain.directory.rename import rename_tag
from agents.domain.sources import opening
from agents.domain.sources.push import due, mark_next
from agents.domain.sources.take_in import take_in
from agents.models import Agent, Change, InboxItem, SourcedAgent
from agents.net.connectors.base import SourceError
from tests.domain.sources.conftest import Connected
from tests.domain.sources.stand_in import Drop
from tests.helpers import ROOT, make_agent

pytestmark = pytest.mark.django_db


def test_an_agent_made_there_comes_in_with_its_own_id_and_tags(local: Connected) -> None:
    agent_id = local.server.add("user_1", "vip", name="Ann")
    assert local.pull().new == 1
    agent = Agent.objects.get(public_id=agent_id)
    assert (agent.name, agent.model, agent.source_id) == (
        "Ann",
        "openai-compatible/gpt-4o",
        local.source.id,
    )
    assert local.tags(agent_id) == ["user_1", "vip"]
    changes = Change.objects.filter(agent_id=agent_id).select_related("change_set")
    assert {(c.change_set.actor_name, c.change_set.reason) for c in changes} == {
        ("local", "seen at local")
    }
    assert local.row(agent_id).behind_since is None


def test_changes_of_both_sides_meet(local: Connected) -> None:
    agent_id = local.server.add("user_1", "a", "b")
    local.pull()
    local.edit(agent_id, add=["here"], remove=["a"])
    local.server.retag(agent_id, add="there", remove="b")
    local.pull()
    local.push()
    assert local.tags(agent_id) == ["here", "there", "user_1"]
    assert sorted(local.server.tags(agent_id)) == ["here", "there", "user_1"]
    assert local.row(agent_id).behind_since is None


def test_an_edit_marks_the_agent_and_an_agent_kept_here_is_not_marked(local: Connected) -> None:
    agent_id = local.server.add("user_1")
    local.pull()
    kept = make_agent()
    local.edit(agent_id, add=["vip"])
    local.edit(kept.public_id, add=["vip"])
    assert local.row(agent_id).behind_since is not None
    assert SourcedAgent.objects.filter(behind_since__isnull=False).count() == 1


def test_a_quiet_source_costs_one_request_and_messages_no_history(local: Connected) -> None:
    agent_id = local.server.add("user_1")
    local.pull()
    before = Change.objects.count()
    local.server.requests.clear()
    local.server.agents[agent_id] |= {"message_ids": ["m-1"], "last_run_completion": "2026-12-01T"}
    local.pull()
    assert local.server.requests == ["app_server_info", "agent_list"]  # a new connection
    assert Change.objects.count() == before


def test_fields_of_the_source_win_and_history_has_them(local: Connected) -> None:
    agent_id = local.server.add(name="Ann")
    local.pull()
    local.server.agents[agent_id] |= {"name": "Anna", "system": "You are Anna."}
    local.pull()
    agent = Agent.objects.select_related("detail").get(public_id=agent_id)
    assert (agent.name, agent.detail.system) == ("Anna", "You are Anna.")
    fields = Change.objects.filter(agent_id=agent_id, op="set").values_list("field", flat=True)
    assert {"name", "system"} <= set(fields)


def test_an_old_answer_does_not_undo_a_fresh_edit(local: Connected) -> None:
    agent_id = local.server.add("old")
    local.pull()
    source = local.source
    with opening.connect_to(source) as connector:
        held = [agent for batch in connector.agents(seconds=10) for agent in batch]
    local.edit(agent_id, add=["new"], remove=["old"])
    local.push()
    taken = take_in(source=source, agents=held, clock=source.push_clock)
    assert taken.again == [agent_id]
    assert local.tags(agent_id) == ["new"]
    local.pull()
    assert local.tags(agent_id) == local.server.tags(agent_id) == ["new"]


def test_a_change_that_a_push_saw_and_its_reverse_are_both_noticed(local: Connected) -> None:
    agent_id = local.server.add("a")
    local.pull()
    local.edit(agent_id, add=["x"])
    local.server.retag(agent_id, add="x")
    local.push()  # the source has it already, so nothing is written
    assert local.server.writes() == 0
    local.server.retag(agent_id, remove="x")
    local.pull()  # the same as at the last reading, but not as seen last
    assert local.tags(agent_id) == ["a"]


def test_another_writer_in_between_is_noticed_counted_and_written_again(local: Connected) -> None:
    agent_id = local.server.add("a")
    local.pull()
    local.edit(agent_id, add=["ours"])
    late = [["a", "theirs"]]

    def overwrite(kind: str, _agent_id: str) -> None:
        if kind == "agent_update" and late:
            local.server.agents[agent_id]["tags"] = late.pop()

    local.server.after = overwrite
    assert [result.writes for result in local.push()] == [2]
    assert sorted(local.server.tags(agent_id)) == local.tags(agent_id) == ["a", "ours", "theirs"]
    assert local.source.lost_updates == 1


def test_a_server_that_does_not_keep_the_tags_is_tried_later(local: Connected) -> None:
    agent_id = local.server.add("a")
    local.pull()
    local.edit(agent_id, add=["ours"])

    def revert(kind: str, _agent_id: str) -> None:
        if kind == "agent_update":
            local.server.agents[agent_id]["tags"] = ["a"]

    local.server.after = revert
    assert [result.done for result in local.push()] == [False]
    row = local.row(agent_id)
    assert row.problem == "The source answers, but does not store the tags that ADE sends."
    assert row.push_after is not None
    local.server.after = lambda kind, agent_id: None
    SourcedAgent.objects.update(push_after=None)
    local.push()
    assert local.server.tags(agent_id) == ["a", "ours"]
    assert local.row(agent_id).problem == ""


@pytest.mark.parametrize("arrives", [True, False])
def test_a_broken_connection_is_settled_by_reading(local: Connected, arrives: bool) -> None:
    agent_id = local.server.add("a")
    local.pull()
    local.edit(agent_id, add=["ours"])

    broken: list[str] = []

    def drop(kind: str, _agent_id: str) -> None:
        if kind == "agent_update" or broken:
            broken.append(kind)
            raise Drop

    switch = "after" if arrives else "before"
    setattr(local.server, switch, drop)
    with pytest.raises(SourceError):  # as if the worker had died here
        local.push()
    assert local.row(agent_id).sent_tags is not None
    setattr(local.server, switch, lambda kind, agent_id: None)
    writes = local.server.writes()
    local.push()
    assert sorted(local.server.tags(agent_id)) == local.tags(agent_id) == ["a", "ours"]
    assert local.server.writes() == writes + (not arrives)
    assert local.row(agent_id).sent_tags is None


def test_a_tag_taken_off_while_its_push_is_unsettled_does_not_come_back(local: Connected) -> None:
    agent_id = local.server.add("a")
    local.pull()
    local.edit(agent_id, add=["ours"])
    row = local.row(agent_id)
    row.sent_tags = '["a","ours"]'  # a worker died just after the server had taken it
    row.save()
    local.server.retag(agent_id, add="ours")
    local.edit(agent_id, remove=["ours"])
    local.push()
    assert local.server.tags(agent_id) == local.tags(agent_id) == ["a"]


def test_what_ade_cannot_hold_stays_at_the_source(local: Connected) -> None:
    ugly = ["", "nul\0", "x" * 600, "lone\ud800", "twice", "twice", "a\x07b"]
    agent_id = local.server.add("user_1", *ugly, name="bell\x07\0\ud800" + "y" * 600)
    local.pull()
    assert local.tags(agent_id) == ["twice", "user_1"]
    local.edit(agent_id, add=["new"], remove=["user_1"])
    local.push()
    assert local.server.tags(agent_id) == [*ugly, "new"]
    assert local.pull().changed == 0


def test_more_tags_than_ade_holds_are_set_aside_and_kept(
    local: Connected, settings: object
) -> None:
    settings.MAX_TAGS_PER_AGENT = 5  # type: ignore[attr-defined]
    many = [f"t{number}" for number in range(20)]
    agent_id = local.server.add(*many)
    local.pull()
    assert local.tags(agent_id) == many[:5]
    local.edit(agent_id, add=["new"], remove=["t0"])
    local.push()
    assert local.server.tags(agent_id) == [*many[1:], "new"]
    assert len(local.tags(agent_id)) == 5
    local.server.retag(agent_id, add="one-more")
    local.pull()
    assert "one-more" not in local.tags(agent_id)
    local.push()
    assert "one-more" in local.server.tags(agent_id)


def test_no_subagent_is_made_or_unmade(local: Connected) -> None:
    agent_id = local.server.add("a")
    local.pull()
    local.edit(agent_id, add=["role:subagent", "b"])
    local.push()
    assert local.server.tags(agent_id) == ["a", "b"]
    assert local.row(agent_id).behind_since is None


def test_edits_of_one_agent_go_before_a_rename_of_many(local: Connected) -> None:
    ids = [local.server.add("old") for _ in range(3)]
    local.pull()
    rename_tag(old="old", new="new", actor=ROOT)
    while mark_next(source_id=local.source.id):
        pass
    local.edit(ids[1], add=["vip"])
    assert due(local.source.id).values_list("public_id", flat=True)[0] == ids[1]
    local.push()
    assert [local.server.tags(one) for one in ids] == [["new"], ["new", "vip"], ["new"]]
    assert not InboxItem.objects.exists()
