"""The trash: a deleted agent comes back whole, or goes for good."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from agents.core.actors import READ, WRITE
from agents.core.errors import Conflict, Invalid, NotAllowed, NotFound
from agents.core.filters import AgentFilter
from agents.core.limits import TRASH_AT_ONCE
from agents.core.reach import Reach
from agents.domain.agents import trash
from agents.domain.agents.new import NewAgent
from agents.domain.agents.write import create_agent, delete_agent
from agents.domain.bulk.plans import BulkChange, Selection, make_plan
from agents.domain.directory.merge import merge_tags
from agents.domain.directory.rename import rename_tag
from agents.domain.history.undo_set import undo_set
from agents.domain.identities.write import NewIdentity, create_identity
from agents.domain.memory.agent import attach_block
from agents.domain.memory.new import NewBlock
from agents.domain.memory.write import update_block
from agents.domain.upkeep.tidy import tidy
from agents.domain.users import OffboardMode, offboard
from agents.models import Agent, Block, BulkOp, BulkPlan, Change, TrashedAgent, TrashedTag
from agents.queries.agents.trash import in_trash, trash_page
from agents.tasks import bulk
from tests.helpers import (
    ROOT,
    drift,
    everything,
    make_agent,
    make_editor,
    make_limited_key,
    make_manager,
    replayed,
    tags_of,
)

pytestmark = pytest.mark.django_db

# What a deletion and a restore add to or change.
_MOVED = {"Change", "ChangeSet", "Tombstone", "Tag", "AgentTag", "TrashedAgent", "TrashedTag"}


def whole(name: str = "Nova", **fields: Any) -> Agent:
    """An agent with everything that an agent can have."""
    identity = create_identity(
        NewIdentity(identifier_key=name, name=name, identity_type="user"), actor=ROOT
    )
    return make_agent(
        name=name,
        description="Sells",
        system="Be kind.",
        metadata={"a": 1},
        tags=["user_1", "vip"],
        blocks=[NewBlock("human", "Jane, 555-0100"), NewBlock("persona", "Kind")],
        identity_ids=[identity.public_id],
        **fields,
    )


def state() -> dict[str, list[Any]]:
    """Every row but history, without the version, which counts on."""
    rows = {name: found for name, found in everything().items() if name not in _MOVED}
    rows["Agent"] = list(Agent.objects.order_by("seq").values_list("public_id", "name", "seq"))
    rows["Agent"] += list(Agent.objects.order_by("seq").values_list("updated_at", "created_at"))
    rows["tags"] = [tags_of(agent) for agent in Agent.objects.order_by("seq")]
    rows["Block"] = sorted(Block.objects.values_list("public_id", "label", "value", "created_at"))
    rows["AgentBlock"] = sorted(
        Agent.objects.values_list("public_id", "agentblock__label", "agentblock__block__public_id")
    )
    return rows


def test_a_restored_agent_equals_what_was_deleted() -> None:
    agent, other = whole(), make_agent(tags=["user_2"])
    shared = Block.objects.get(label="persona")
    attach_block(agent_id=other.public_id, block_id=shared.public_id, actor=ROOT)
    before, version = state(), Agent.objects.get(seq=agent.seq).version
    delete_agent(agent_id=agent.public_id, actor=ROOT)
    assert list(Block.objects.all()) == [shared]
    assert TrashedAgent.objects.get().block_count == 1
    [restored] = trash.restore(agent_ids=[agent.public_id], actor=ROOT).agents
    assert state() == before
    assert restored.version == version + 1  # an ETag of before does not fit
    assert (TrashedAgent.objects.count(), TrashedTag.objects.count()) == (0, 0)
    assert (drift(), replayed()[agent.public_id]) == ([], {"user_1", "vip"})


def test_blocks_can_stay_as_on_a_letta_server() -> None:
    agent = whole()
    delete_agent(agent_id=agent.public_id, actor=ROOT, keep_blocks=True)
    assert Block.objects.count() == 2
    trash.restore(agent_ids=[agent.public_id], actor=ROOT)
    assert agent.agentblock_set.count() == Block.objects.count() == 2


def test_a_shared_block_that_is_gone_stays_away() -> None:
    agent, other = whole(), make_agent()
    block = Block.objects.get(label="human")
    attach_block(agent_id=other.public_id, block_id=block.public_id, actor=ROOT)
    delete_agent(agent_id=agent.public_id, actor=ROOT)
    update_block(agent_id=other.public_id, label="human", value="Later", actor=ROOT)
    trash.restore(agent_ids=[agent.public_id], actor=ROOT)
    assert Block.objects.get(label="human").value == "Later"
    delete_agent(agent_id=agent.public_id, actor=ROOT)
    delete_agent(agent_id=other.public_id, actor=ROOT)
    trash.restore(agent_ids=[agent.public_id], actor=ROOT)
    assert sorted(agent.agentblock_set.values_list("label", flat=True)) == ["persona"]


def test_undo_of_a_merge_gives_the_trash_its_tag_back() -> None:
    before, gold, after = (
        make_agent(tags=["vip"]),
        make_agent(tags=["gold"]),
        make_agent(tags=["vip"]),
    )
    for agent in (before, gold):
        delete_agent(agent_id=agent.public_id, actor=ROOT)
    merged = merge_tags(source="vip", target="gold", actor=ROOT).change_set
    delete_agent(agent_id=after.public_id, actor=ROOT)
    undo_set(change_set_id=merged.id, actor=ROOT)
    ids = [agent.public_id for agent in (before, gold, after)]
    trash.restore(agent_ids=ids, actor=ROOT)
    assert [tags_of(agent) for agent in (before, gold, after)] == [["vip"], ["gold"], ["vip"]]
    assert drift() == []


def test_tags_follow_a_rename_and_a_merge() -> None:
    agent, other = whole(), make_agent(tags=["gold"])
    delete_agent(agent_id=agent.public_id, actor=ROOT)
    rename_tag(old="user_1", new="user_one", actor=ROOT)
    merge_tags(source="vip", target="gold", actor=ROOT)
    trash.restore(agent_ids=[agent.public_id], actor=ROOT)
    assert tags_of(agent) == ["gold", "user_one"]
    assert tags_of(other) == ["gold"]
    assert drift() == []


def test_an_id_that_is_in_use_again_is_a_conflict() -> None:
    agent = whole()
    delete_agent(agent_id=agent.public_id, actor=ROOT)
    again = NewAgent(model="letta/letta-free", name="Other", public_id=agent.public_id)
    create_agent(again, actor=ROOT)
    before = everything()
    with pytest.raises(Conflict, match="exists again"):
        trash.restore(agent_ids=[agent.public_id], actor=ROOT)
    assert everything() == before


def test_the_first_agent_that_is_not_there_is_named() -> None:
    here = make_agent().public_id
    delete_agent(agent_id=here, actor=ROOT)
    missing = [f"agent-{digit * 8}-0000-4000-8000-000000000000" for digit in "92"]
    for ids in (missing, missing[::-1]):
        with pytest.raises(NotFound, match=f"ID {ids[0]} in the trash"):
            trash.restore(agent_ids=[here, *ids], actor=ROOT)


def test_purged_agents_leave_no_memory_behind() -> None:
    agent = whole()
    update_block(agent_id=agent.public_id, label="human", value="Jane, 555-0199", actor=ROOT)
    delete_agent(agent_id=agent.public_id, actor=ROOT)
    assert trash.purge(agent_ids=[agent.public_id], actor=make_manager()) == 1
    assert not TrashedAgent.objects.exists()
    assert not any("555-01" in repr(rows) for rows in everything().values())
    assert Change.objects.filter(agent_id=agent.public_id, field="block human: value").exists()
    with pytest.raises(NotFound, match="in the trash"):
        trash.restore(agent_ids=[agent.public_id], actor=ROOT)


def test_days_in_the_trash_end() -> None:
    agent = whole()
    delete_agent(agent_id=agent.public_id, actor=ROOT)
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        assert in_trash(agent.public_id, actor=ROOT) is None
        with pytest.raises(NotFound):
            trash.restore(agent_ids=[agent.public_id], actor=ROOT)
        assert tidy(days=30, actor=ROOT)["agents whose days in the trash are over"] == 1
    assert not TrashedAgent.objects.exists()


def test_the_trash_can_be_switched_off(settings: Any) -> None:
    settings.TRASH_DAYS = 0
    delete_agent(agent_id=whole().public_id, actor=ROOT)
    assert (TrashedAgent.objects.count(), Block.objects.count()) == (0, 0)


def test_off_boarding_leaves_nothing_in_the_trash() -> None:
    """Neither of the agents that it deletes, nor of those that were in the trash before."""
    early, late = whole("Early"), whole("Late")
    delete_agent(agent_id=early.public_id, actor=ROOT)
    offboard(name="user_1", how=OffboardMode.AGENTS, actor=ROOT)
    assert not TrashedAgent.objects.exists()
    assert not Agent.objects.filter(public_id=late.public_id).exists()
    assert "555-0100" not in repr(everything())


def test_limited_actors_see_only_their_own_part() -> None:
    mine, other = make_agent(tags=["user_1"]), make_agent(tags=["user_2"])
    for agent in (mine, other):
        delete_agent(agent_id=agent.public_id, actor=ROOT)
    key = make_limited_key(Reach.of_tags(["user_1"]))
    assert [row.public_id for row in trash_page(actor=key, size=9).rows] == [mine.public_id]
    with pytest.raises(NotFound):
        trash.restore(agent_ids=[other.public_id], actor=key)
    trash.restore(agent_ids=[mine.public_id], actor=key)
    assert Agent.objects.get().public_id == mine.public_id


def test_rights_and_bounds() -> None:
    agent = whole()
    delete_agent(agent_id=agent.public_id, actor=ROOT)
    with pytest.raises(NotAllowed):
        trash.restore(agent_ids=[agent.public_id], actor=make_editor(powers=READ))
    with pytest.raises(NotAllowed, match="for good"):
        trash.purge(agent_ids=[agent.public_id], actor=make_editor(powers=WRITE))
    with pytest.raises(Invalid, match="too many at once"):
        trash.restore(agent_ids=[str(n) for n in range(TRASH_AT_ONCE + 1)], actor=ROOT)


def test_pages_of_the_trash_follow_each_other() -> None:
    agents = [make_agent(name=f"a{n}") for n in range(5)]
    for agent in agents:
        delete_agent(agent_id=agent.public_id, actor=ROOT)
    seen, after = [], None
    while True:
        page = trash_page(actor=ROOT, size=2, after=after)
        seen += [row.public_id for row in page.rows]
        if (after := page.after) is None:
            break
    assert seen == [agent.public_id for agent in reversed(agents)]
    for wrong in ("x", "2026_1", "2026-11-29T10:00:00+00:00_" + "9" * 40, "\x00"):
        assert len(trash_page(actor=ROOT, size=9, after=wrong).rows) == 5


def deletion(*agents: Agent) -> BulkPlan:
    """A bulk deletion of these agents, applied."""
    selection = Selection(AgentFilter(ids=tuple(agent.public_id for agent in agents)))
    actor = make_manager()
    plan = make_plan(selection=selection, change=BulkChange(BulkOp.DELETE), actor=actor)
    return bulk.begin(plan_id=plan.id, actor=actor)


def test_a_bulk_deletion_is_undone_whole() -> None:
    agents = [whole("Nova"), whole("Orion"), make_agent(tags=["user_2"])]
    before = state()
    plan = deletion(*agents)
    assert (plan.state, plan.changed, Agent.objects.count()) == ("done", 3, 0)
    assert (TrashedAgent.objects.count(), Block.objects.count()) == (3, 0)
    undone = bulk.begin_undo(plan_id=plan.id, actor=make_manager())
    assert (undone.state, undone.changed, drift()) == ("done", 3, [])
    after = state()
    assert {name: after[name] for name in after if not name.startswith("Bulk")} == {
        name: before[name] for name in before if not name.startswith("Bulk")
    }


def test_an_undo_leaves_what_cannot_come_back() -> None:
    kept, purged = make_agent(name="Nova"), make_agent(name="Orion")
    plan = deletion(kept, purged)
    trash.purge(agent_ids=[purged.public_id], actor=ROOT)
    undone = bulk.begin_undo(plan_id=plan.id, actor=make_manager())
    assert (undone.changed, Agent.objects.get().public_id) == (1, kept.public_id)
