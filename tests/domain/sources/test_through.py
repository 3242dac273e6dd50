"""Agents of a source are created, edited and deleted at the source first, then here."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from agents.core.errors import (
    Conflict,
    Invalid,
    NotAllowed,
    NotFound,
    PreconditionFailed,
    SourceUnavailable,
)
from agents.domain.agents.edit import AgentEdit
from agents.domain.agents.new import NewAgent
from agents.domain.memory.write import BlockEdit
from agents.domain.sources import asking, memory, through
from agents.domain.sources.deletion.delete import delete_agent
from agents.domain.sources.places import place
from agents.domain.tags.edit import change_tags
from agents.models import Agent, AgentSource, ChangeSet, SourcedAgent, Tombstone
from tests.domain.sources.fixtures import known
from tests.helpers import ROOT, drift, make_agent, make_key_actor, tags_of
from tests.net.scripted import Asked, Letta, Reply

pytestmark = pytest.mark.django_db

MODEL = "openai/gpt-4o"


def new(**more: Any) -> NewAgent:
    return NewAgent(**{"model": MODEL, "name": "Nova", "tags": ["user_1"], **more})


def is_write(asked: Asked) -> bool:
    return asked.method != "GET"


# --- Create ---------------------------------------------------------------------------------


def test_created_agent_is_at_the_source_and_here(letta: Letta, letta_source: AgentSource) -> None:
    agent = through.create_agent(new(description="d"), source="prod", actor=ROOT)
    there = letta.agents[agent.public_id]
    assert (there["name"], there["tags"], there["description"]) == ("Nova", ["user_1"], "d")
    assert (agent.name, tags_of(agent), agent.source_id) == ("Nova", ["user_1"], letta_source.id)
    row = SourcedAgent.objects.get(agent=agent)
    assert (row.seen_tags, row.behind_since) == ('["user_1"]', None)
    assert ChangeSet.objects.values_list("act", "actor_name").get() == ("create", ROOT.name)
    assert drift() == []


def test_what_ade_refuses_is_not_sent(letta: Letta, letta_source: AgentSource) -> None:
    with pytest.raises(Invalid, match="empty"):
        through.create_agent(new(tags=[""]), source="prod", actor=ROOT)
    with pytest.raises(NotAllowed):
        through.create_agent(
            new(tags=["other"]), source="prod", actor=make_key_actor("user_1", may_tag=("x",))
        )
    with pytest.raises(Invalid, match="There is no source"):
        through.create_agent(new(), source="none", actor=ROOT)
    with pytest.raises(Invalid, match="There is no source"):
        through.create_agent(new(), source="\ud800", actor=ROOT)
    assert (letta.asked, Agent.objects.count()) == ([], 0)


def test_agent_whose_answer_is_lost_is_found_and_not_made_again(
    letta: Letta, letta_source: AgentSource
) -> None:
    letta.hides_answer = is_write
    agent = through.create_agent(new(), source="prod", actor=ROOT)
    assert list(letta.agents) == [agent.public_id]
    assert letta.writes() == [("POST", "/v1/agents/")]


def test_source_that_hangs_up_before_it_made_the_agent_leaves_nothing_here(
    letta: Letta, letta_source: AgentSource
) -> None:
    letta.instead = lambda asked: Reply(0) if is_write(asked) else None
    with pytest.raises(SourceUnavailable, match="did not do it"):
        through.create_agent(new(), source="prod", actor=ROOT)
    assert Agent.objects.count() == 0


def test_agent_needs_the_tag_that_the_source_is_limited_to(
    letta: Letta, letta_source: AgentSource
) -> None:
    AgentSource.objects.update(only_tag="vip")
    with pytest.raises(Invalid, match="need the tag vip"):
        through.create_agent(new(), source="prod", actor=ROOT)
    assert letta.writes() == []


def test_server_that_gives_a_known_id_takes_over_no_agent(
    letta: Letta, letta_source: AgentSource
) -> None:
    mine = make_agent(name="Mine", tags=["user_9"])
    letta.instead = lambda asked: (
        Reply(200, letta.make("Nova", id=mine.public_id, tags=["user_1"]))
        if is_write(asked)
        else None
    )
    with pytest.raises(Conflict, match="ADE already has"):
        through.create_agent(new(), source="prod", actor=ROOT)
    mine.refresh_from_db()
    assert (mine.name, mine.source_id, tags_of(mine)) == ("Mine", None, ["user_9"])


# --- Edit -----------------------------------------------------------------------------------


def test_edited_field_is_at_the_source_and_here_in_the_persons_name(
    letta: Letta, letta_source: AgentSource
) -> None:
    agent = known(letta, letta_source)
    through.update_agent(agent_id=agent.public_id, edit=AgentEdit(name="New"), actor=ROOT)
    assert letta.agents[agent.public_id]["name"] == "New"
    agent.refresh_from_db()
    assert agent.name == "New"
    last = ChangeSet.objects.order_by("-id")[0]
    assert (last.act, last.actor_name) == ("fields", ROOT.name)


def test_unchanged_field_asks_nothing(letta: Letta, letta_source: AgentSource) -> None:
    agent = known(letta, letta_source, name="Same")
    through.update_agent(agent_id=agent.public_id, edit=AgentEdit(name="Same"), actor=ROOT)
    assert letta.asked == []


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (Reply(500, {"detail": "boom"}), SourceUnavailable, "did not do it"),
        (Reply(503, {"detail": "busy"}, {"Retry-After": "7"}), SourceUnavailable, "Nothing was"),
        (Reply(401, {}), SourceUnavailable, "wants a token"),
        (Reply(422, {"detail": "no such model"}), Invalid, "prod refuses this: prod answered 422: no"),
        (Reply(404, {"detail": "Agent with ID {} not found"}), NotFound, "no longer has"),
        (Reply(0), SourceUnavailable, "did not do it"),
    ],
    ids=["500", "503", "401", "422", "gone", "hangs up"],
)  # fmt: skip
def test_edit_that_the_source_does_not_do_changes_nothing_here(
    letta: Letta, letta_source: AgentSource, reply: Reply, error: type[Exception], words: str
) -> None:
    agent = known(letta, letta_source)
    if reply.status == 404:
        reply.body = {"detail": f"Agent with ID {agent.public_id} not found"}
    letta.instead = lambda asked: reply if is_write(asked) else None
    with pytest.raises(error, match=words) as raised:
        through.update_agent(agent_id=agent.public_id, edit=AgentEdit(name="New"), actor=ROOT)
    assert letta.url not in str(raised.value)
    agent.refresh_from_db()
    assert agent.name == "Nova"
    if isinstance(raised.value, SourceUnavailable):
        assert raised.value.seconds == (7 if reply.status == 503 else 5)


def test_edit_whose_answer_is_lost_is_settled_by_reading(
    letta: Letta, letta_source: AgentSource
) -> None:
    agent = known(letta, letta_source)
    letta.hides_answer = is_write
    through.update_agent(agent_id=agent.public_id, edit=AgentEdit(name="New"), actor=ROOT)
    agent.refresh_from_db()
    assert (agent.name, len(letta.writes())) == ("New", 1)


def test_source_that_is_known_to_be_down_or_paused_is_not_asked(
    letta: Letta, letta_source: AgentSource
) -> None:
    agent = known(letta, letta_source)
    edit = AgentEdit(name="New")
    later = timezone.now() + timedelta(seconds=30)
    AgentSource.objects.update(problem=f"{letta.url} does not answer.", next_try_at=later)
    with pytest.raises(SourceUnavailable, match="prod does not answer: prod does not") as down:
        through.update_agent(agent_id=agent.public_id, edit=edit, actor=ROOT)
    assert 25 < down.value.seconds <= 30
    AgentSource.objects.update(paused_at=timezone.now(), pause_reason="Moving.")
    with pytest.raises(Conflict, match=r"prod is paused. Moving."):
        through.update_agent(agent_id=agent.public_id, edit=edit, actor=ROOT)
    # Tags are accepted and wait.
    change_tags(agent_id=agent.public_id, add=["vip"], actor=ROOT)
    assert tags_of(agent) == ["vip"]
    assert letta.asked == []


def test_four_requests_at_once_wait_for_one_source(letta: Letta, letta_source: AgentSource) -> None:
    agent = known(letta, letta_source)
    name = f"source-{letta_source.id}"
    with place(name, 4), place(name, 4), place(name, 4), place(name, 4) as last:
        assert last
        with pytest.raises(SourceUnavailable, match="4 requests wait"):
            through.update_agent(agent_id=agent.public_id, edit=AgentEdit(name="x"), actor=ROOT)
    through.update_agent(agent_id=agent.public_id, edit=AgentEdit(name="x"), actor=ROOT)


def test_version_is_checked_before_the_source_is_asked(
    letta: Letta, letta_source: AgentSource
) -> None:
    agent = known(letta, letta_source)
    with pytest.raises(PreconditionFailed):
        through.send_update(
            agent_id=agent.public_id, edit=AgentEdit(name="x"), actor=ROOT, if_match='"old"'
        )
    assert letta.asked == []


def test_agent_outside_the_limit_is_not_found(letta: Letta, letta_source: AgentSource) -> None:
    agent = known(letta, letta_source, tags=["user_2"])
    limited = make_key_actor("user_1")
    with pytest.raises(NotFound):
        through.update_agent(agent_id=agent.public_id, edit=AgentEdit(name="x"), actor=limited)
    with pytest.raises(NotFound):
        delete_agent(agent_id=agent.public_id, actor=limited)
    with pytest.raises(NotFound):
        memory.blocks_of(agent_id=agent.public_id, actor=limited)
    assert letta.asked == []


def test_agent_kept_here_is_edited_and_deleted_as_before(
    letta: Letta, letta_source: AgentSource
) -> None:
    agent = make_agent(name="Here")
    edited = through.update_agent(agent_id=agent.public_id, edit=AgentEdit(name="x"), actor=ROOT)
    assert edited.name == "x"
    delete_agent(agent_id=agent.public_id, actor=ROOT)
    assert (Agent.objects.count(), letta.asked) == (0, [])


# --- Delete ---------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", [False, True])
def test_deleted_agent_is_gone_at_the_source_and_here(
    letta: Letta, letta_source: AgentSource, lost: bool
) -> None:
    agent = known(letta, letta_source, tags=["user_1"])
    letta.hides_answer = lambda asked: lost and is_write(asked)
    delete_agent(agent_id=agent.public_id, actor=ROOT)
    assert (letta.agents, Agent.objects.count()) == ({}, 0)
    assert Tombstone.objects.get().deleted_by == ROOT.name
    assert drift() == []


def test_agent_that_is_gone_there_already_goes_here(
    letta: Letta, letta_source: AgentSource
) -> None:
    agent = known(letta, letta_source)
    letta.agents.clear()
    delete_agent(agent_id=agent.public_id, actor=ROOT)
    assert Agent.objects.count() == 0


def test_agent_that_the_source_does_not_delete_stays(
    letta: Letta, letta_source: AgentSource
) -> None:
    agent = known(letta, letta_source)
    letta.instead = lambda asked: Reply(0) if is_write(asked) else None
    with pytest.raises(SourceUnavailable):
        delete_agent(agent_id=agent.public_id, actor=ROOT)
    assert Agent.objects.count() == 1


# --- Memory ---------------------------------------------------------------------------------

BLOCK = {"id": "block-00000000-0000-4000-8000-000000000001", "label": "human", "value": "Ann"}


def test_block_is_read_and_edited_at_the_source(letta: Letta, letta_source: AgentSource) -> None:
    agent = known(letta, letta_source, blocks=[dict(BLOCK)])
    (block,) = memory.blocks_of(agent_id=agent.public_id, actor=ROOT) or []
    assert (block.id, block.there.value) == (BLOCK["id"], "Ann")
    edited = memory.edit_block(
        agent_id=agent.public_id, label="human", edit=BlockEdit(value="Bob"), actor=ROOT
    )
    assert edited is not None
    assert (edited.there.value, letta.agents[agent.public_id]["blocks"][0]["value"]) == (
        "Bob",
        "Bob",
    )
    assert ChangeSet.objects.order_by("-id")[0].act == "blocks"
    with pytest.raises(NotFound):
        memory.edit_block(agent_id=agent.public_id, label="x", edit=BlockEdit(value=""), actor=ROOT)
    with pytest.raises(Invalid, match="NUL"):
        memory.edit_block(
            agent_id=agent.public_id, label="human", edit=BlockEdit(value="a\0"), actor=ROOT
        )
    with pytest.raises(Conflict, match="memory of this agent is at prod"):
        memory.require_kept_here(agent_id=agent.public_id, actor=ROOT)


def test_ugly_block_is_shown_and_can_be_replaced(letta: Letta, letta_source: AgentSource) -> None:
    agent = known(letta, letta_source, blocks=[{**BLOCK, "value": "a\0b\ud800"}])
    (block,) = memory.blocks_of(agent_id=agent.public_id, actor=ROOT) or []
    assert block.there.value == "a\0b\N{REPLACEMENT CHARACTER}"
    memory.edit_block(
        agent_id=agent.public_id, label="human", edit=BlockEdit(value="ok"), actor=ROOT
    )
    assert letta.agents[agent.public_id]["blocks"][0]["value"] == "ok"


def test_limited_key_does_not_edit_what_agents_of_others_remember(
    letta: Letta, letta_source: AgentSource
) -> None:
    agent = known(letta, letta_source, blocks=[dict(BLOCK)], tags=["user_1"])
    limited = make_key_actor("user_1")
    edit = BlockEdit(value="Bob")
    known(letta, letta_source, blocks=[dict(BLOCK)], tags=["user_2"])
    with pytest.raises(NotAllowed, match="read-only"):
        memory.edit_block(agent_id=agent.public_id, label="human", edit=edit, actor=limited)
    assert letta.writes() == []
    del letta.agents[next(key for key in letta.agents if key != agent.public_id)]
    assert memory.edit_block(agent_id=agent.public_id, label="human", edit=edit, actor=limited)


def test_nothing_is_asked_inside_a_transaction(letta: Letta, letta_source: AgentSource) -> None:
    from agents.domain.core.transactions import write

    @write
    def careless() -> None:
        asking.ask(letta_source, lambda connector, seconds: connector.about(seconds=seconds))

    with pytest.raises(RuntimeError, match="transaction is open"):
        careless()
    assert letta.asked == []
