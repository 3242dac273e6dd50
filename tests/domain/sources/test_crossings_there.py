"""Crossings at a source: found by a pull, separated step by step, resumed and undone there."""

from typing import Any

import pytest
from django.test import Client

from agents.core.errors import Conflict, NotAllowed, NotFound
from agents.domain.agents.write import delete_agent
from agents.domain.crossings import at_source
from agents.domain.crossings.follow import forget_ended
from agents.domain.crossings.separate import mark_meant
from agents.domain.sources import opening
from agents.domain.sources.leaving import AgentsOf, remove_source
from agents.domain.sources.pull import Memory, Pulled, pull
from agents.domain.tags.edit import change_tags
from agents.models import Agent, AgentSource, BlockMove, Change, Crossing, SourcedBlock
from agents.queries.crossings import crossing_page
from agents.tasks.crossings import catch_up
from tests.api.calls import call, make_token
from tests.helpers import ROOT, make_editor, make_user
from tests.net.scripted import Letta, Reply

pytestmark = pytest.mark.django_db(transaction=True)
MEMORY = Memory()


def read(source: AgentSource, *, whole: bool = False) -> Pulled:
    row = AgentSource.objects.get(id=source.id)
    with opening.connect_to(row) as connector:
        return pull(connector, row, MEMORY, whole=whole)


def make_shared(letta: Letta, source: AgentSource, users: int = 2) -> str:
    """Agents of several users that share one memory block. Two of them belong to user_1."""
    MEMORY.states.clear()
    block = {"label": "human", "value": "Jane", "description": "d", "limit": 100}
    first = letta.make("first", tags=["user_1"], memory_blocks=[block])
    for number in range(users):
        more = letta.make(f"more {number}", tags=[f"user_{number + 1}"])
        more["blocks"].append(first["blocks"][0])
    read(source, whole=True)
    return str(first["blocks"][0]["id"])


def listed() -> list[tuple[str, str, list[str]]]:
    assert catch_up(seconds=60)
    page = crossing_page(actor=ROOT, size=50)
    return [(one.row.public_id, one.place, one.users) for one in page.rows]


def blocks_of(letta: Letta) -> dict[str, list[str]]:
    """The blocks of all agents there, by name."""
    return {a["name"]: [b["id"] for b in a["blocks"]] for a in letta.agents.values()}


def separated(source: AgentSource, block_id: str) -> int:
    about: dict[str, Any] = {"source_id": source.id, "block_id": block_id, "actor": ROOT}
    plan = at_source.plan_separation(**about)
    return at_source.begin(**about, fingerprint=plan.fingerprint, reason="Privacy").id


def test_one_pull_finds_it_and_later_ones_follow(letta: Letta, letta_source: AgentSource) -> None:
    block = make_shared(letta, letta_source)
    assert listed() == [(block, "prod", ["user_1", "user_2"])]
    other = letta.agents[Agent.objects.get(name="more 1").public_id]
    other["blocks"].clear()
    assert read(letta_source, whole=True).changed == 0
    assert listed() == []
    assert forget_ended(actor=ROOT) == 1
    other["blocks"].append(letta.agents[Agent.objects.get(name="first").public_id]["blocks"][0])
    read(letta_source, whole=True)
    assert listed() == [(block, "prod", ["user_1", "user_2"])]
    # Also by a write here, which ends it and begins another one.
    change_tags(agent_id=other["id"], add=["user_3"], remove=["user_2"], actor=ROOT)
    Crossing.objects.all().delete()
    change_tags(agent_id=other["id"], add=["user_4"], remove=["user_3"], actor=ROOT)
    assert listed() == [(block, "prod", ["user_1", "user_4"])]
    assert Crossing.objects.get().change_set_id is not None


def test_one_plan_separates_and_undo_shares_again(letta: Letta, letta_source: AgentSource) -> None:
    block = make_shared(letta, letta_source, users=3)
    listed()
    before = blocks_of(letta)
    done = separated(letta_source, block)
    progress = at_source.carry_out(change_set_id=done, actor=ROOT)
    assert (progress.done, progress.left, progress.problem) == (2, 0, "")
    there = blocks_of(letta)
    assert there["first"] == there["more 0"] == [block]
    copies = [*there["more 1"], *there["more 2"]]
    assert len({*copies, block}) == 3
    values = {b["value"] for a in letta.agents.values() for b in a["blocks"]}
    assert values == {"Jane"}
    assert listed() == []
    assert read(letta_source, whole=True).changed == 0
    moved = Change.objects.filter(change_set_id=done, field="memory block separated")
    assert sorted(str(change.new) for change in moved) == sorted(copies)
    undo = at_source.begin_undo(change_set_id=done, actor=ROOT)
    assert at_source.carry_out(change_set_id=undo.id, actor=ROOT).left == 0
    assert blocks_of(letta) == before
    assert not set(copies) & letta.loose.keys()
    assert listed() == [(block, "prod", ["user_1", "user_2", "user_3"])]


@pytest.mark.parametrize("where", ["/v1/blocks", "/detach/", "/attach/"])
def test_it_goes_on_after_a_failure_and_copies_once(
    letta: Letta, letta_source: AgentSource, where: str
) -> None:
    block = make_shared(letta, letta_source, users=3)
    done = separated(letta_source, block)
    letta.hides_answer = lambda asked: asked.method != "GET" and where in asked.path
    letta.instead = lambda asked: (
        Reply(503) if asked.method != "GET" and where in asked.path else None
    )
    progress = at_source.carry_out(change_set_id=done, actor=ROOT)
    assert (progress.done, progress.left) == (0, 2)
    assert progress.problem
    assert [one.change_set_id for one in at_source.unfinished()] == [done]
    with pytest.raises(Conflict, match="separation of this memory block has begun"):
        separated(letta_source, block)
    letta.instead = lambda asked: None  # done, but the answers are lost
    at_source.carry_out(change_set_id=done, actor=ROOT)
    letta.hides_answer = lambda asked: False
    assert at_source.carry_out(change_set_id=done, actor=ROOT).left == 0
    there = blocks_of(letta)
    every = {b for ids in there.values() for b in ids} | letta.loose.keys()
    assert len(every) == 3
    assert [len(ids) for ids in there.values()] == [1, 1, 1, 1]
    assert at_source.unfinished() == []


def test_what_changed_since_stays_apart(letta: Letta, letta_source: AgentSource) -> None:
    block = make_shared(letta, letta_source)
    done = separated(letta_source, block)
    at_source.carry_out(change_set_id=done, actor=ROOT)
    there = letta.agents[Agent.objects.get(name="more 1").public_id]
    there["blocks"][0]["value"] = "John"
    with pytest.raises(Conflict, match="have changed since"):
        at_source.begin_undo(change_set_id=done, actor=ROOT)
    with pytest.raises(NotFound):
        at_source.begin_undo(change_set_id=done + 100, actor=ROOT)
    with pytest.raises(NotAllowed):
        at_source.carry_out(change_set_id=done, actor=make_editor())


def test_an_agent_that_is_gone_ends_its_step(letta: Letta, letta_source: AgentSource) -> None:
    block = make_shared(letta, letta_source, users=3)
    done = separated(letta_source, block)
    del letta.agents[Agent.objects.get(name="more 1").public_id]
    assert at_source.carry_out(change_set_id=done, actor=ROOT).left == 0
    assert BlockMove.objects.exclude(problem="").count() == 1


def test_links_go_with_agents_and_with_the_source(letta: Letta, letta_source: AgentSource) -> None:
    block = make_shared(letta, letta_source)
    listed()
    mark_meant(
        kind="block", public_id=block, source_id=letta_source.id, reason="A handbook", actor=ROOT
    )
    assert listed() == []
    delete_agent(agent_id=Agent.objects.get(name="first").public_id, actor=ROOT)
    assert SourcedBlock.objects.count() == 2
    remove_source(source=letta_source.id, agents=AgentsOf.KEEP, actor=ROOT)
    assert SourcedBlock.objects.count() == 0


def test_page_and_api_name_the_source(
    client: Client, letta: Letta, letta_source: AgentSource
) -> None:
    block = make_shared(letta, letta_source)
    listed()
    answer = call("GET", "/v1/crossings", token=make_token(scope="manage")).json()
    assert [(one["id"], one["source"]) for one in answer["crossings"]] == [(block, "prod")]
    client.force_login(make_user("mona", role="manager"))
    page = client.get("/crossings/").content.decode()
    path = f"/crossings/{block}/?source={letta_source.id}"
    assert path in page
    assert "prod" in page
    plan = client.get(path)
    assert "one agent after the other" in plan.content.decode()
    letta.instead = lambda asked: Reply(503) if "/attach/" in asked.path else None
    posted = client.post(path, {"fingerprint": plan.context["plan"].fingerprint})
    assert posted.status_code == 503
    assert "0 of 1 agents are done" in posted.content.decode()
    letta.instead = lambda asked: None
    number = BlockMove.objects.get().change_set_id
    went_on = client.post("/crossings/continue/", {"change_set": number})
    assert went_on["Location"].endswith(f"?separated={number}")
    undone = client.post("/crossings/undo/", {"change_set": number})
    assert undone.status_code == 303
    assert blocks_of(letta)["more 1"] == [block]
