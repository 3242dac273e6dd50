"""Random changes of agents, tags, memory, identities, trash and users: all that is kept equals a recount."""

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest

from agents.core.errors import DomainError
from agents.core.json_text import loads
from agents.domain.agents import trash
from agents.domain.agents.write import delete_agent
from agents.domain.crossings.follow import forget_ended
from agents.domain.crossings.separate import separate
from agents.domain.directory.merge import delete_tag, merge_tags
from agents.domain.directory.rename import rename_tag
from agents.domain.history.undo_set import undo_set
from agents.domain.identities.agent import attach_identity
from agents.domain.identities.write import NewIdentity, create_identity
from agents.domain.memory.agent import attach_block, detach_block
from agents.domain.memory.new import NewBlock
from agents.domain.offboarding.begin import begin
from agents.domain.offboarding.inventory import Asked, parts
from agents.domain.offboarding.receipt import check
from agents.domain.tags.edit import change_tags
from agents.domain.users import OffboardMode
from agents.models import (
    Agent,
    AgentBlock,
    AgentDetail,
    AgentIdentity,
    Block,
    ChangeSet,
    Crossing,
    Identity,
    Seen,
    Tag,
    TrashedAgent,
    TrashedTag,
)
from agents.queries.crossings import crossing_page
from agents.tasks.crossings import catch_up
from tests.helpers import ROOT, drift, make_agent, make_manager, tags_of

pytestmark = pytest.mark.django_db(transaction=True)
USERS = [f"user_{n}" for n in range(6)]
TAGS = [*USERS, "vip", "beta"]


@dataclass
class Was:
    """An agent as it was deleted: its columns, blocks with whether only it had them, and identities."""

    columns: dict[str, Any]
    blocks: dict[str, tuple[dict[str, Any], bool]]
    identities: set[str]


def columns_of(agent: Agent) -> dict[str, Any]:
    row = Agent.objects.filter(seq=agent.seq).values().get()
    detail = AgentDetail.objects.filter(agent=agent).values().get()
    moves = {"version", "tag_count", "user_tag_count", "agent_id"}
    return {name: value for name, value in (row | detail).items() if name not in moves}


def identities_of(agent: Agent) -> set[str]:
    rows = AgentIdentity.objects.filter(agent=agent)
    return set(rows.values_list("identity__public_id", flat=True))


def blocks_of(agent: Agent) -> dict[str, tuple[dict[str, Any], bool]]:
    found = {}
    for block in Block.objects.filter(agentblock__agent=agent):
        own = not AgentBlock.objects.filter(block=block).exclude(agent=agent).exists()
        values = Block.objects.filter(id=block.id).values().get()
        found[block.public_id] = {k: v for k, v in values.items() if k != "id"}, own
    return found


class World:
    """The agents, and what was deleted of them."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # no secret
        self.manager = make_manager()
        self.was: dict[str, Was] = {}
        self.number = 0

    def some(self, model: Any, column: str = "public_id") -> str:
        found = list(model.objects.order_by("pk").values_list(column, flat=True))
        return str(self.random.choice(found)) if found else "none"

    # --- Changes ------------------------------------------------------------------------------

    def create(self) -> None:
        self.number += 1
        tags = self.random.sample(TAGS, self.random.randint(0, 3))
        blocks = [NewBlock(f"label {self.number}", f"value {self.number}")]
        make_agent(name=f"Agent {self.number}", tags=tags, blocks=blocks)

    def tag(self) -> None:
        add, remove = self.random.sample(TAGS, 2)
        change_tags(agent_id=self.some(Agent), add=[add], remove=[remove], actor=ROOT)

    def share(self) -> None:
        attach_block(agent_id=self.some(Agent), block_id=self.some(Block), actor=ROOT)

    def unshare(self) -> None:
        detach_block(agent_id=self.some(Agent), block_id=self.some(Block), actor=ROOT)

    def identity(self) -> None:
        if self.random.random() < 0.3:
            self.number += 1
            create_identity(NewIdentity(f"key {self.number}", "Jane", "user"), actor=ROOT)
        attach_identity(agent_id=self.some(Agent), identity_id=self.some(Identity), actor=ROOT)

    def delete(self) -> None:
        agent = Agent.objects.filter(public_id=self.some(Agent)).first()
        if agent is not None:
            was = Was(columns_of(agent), blocks_of(agent), identities_of(agent))
            delete_agent(agent_id=agent.public_id, actor=ROOT)
            self.was[agent.public_id] = was

    def restore(self) -> None:
        agent_id = self.some(TrashedAgent)
        if agent_id not in self.was:
            return
        tags = set(
            TrashedTag.objects.filter(agent__public_id=agent_id).values_list("name", flat=True)
        )
        was = self.was[agent_id]
        there = set(Block.objects.values_list("public_id", flat=True))
        [agent] = trash.restore(agent_ids=[agent_id], actor=ROOT).agents
        assert set(tags_of(agent)) == tags
        assert columns_of(agent) == was.columns
        assert identities_of(agent) == was.identities
        back = blocks_of(agent)
        assert back.keys() == {key for key, (_, own) in was.blocks.items() if own or key in there}
        for key, (values, own) in was.blocks.items():
            assert not own or back[key][0] == values

    def off_board(self) -> None:
        how = self.random.choice(list(OffboardMode))
        name, to = self.random.sample(USERS, 2)
        to_user = to if how is OffboardMode.MOVE else None
        row = begin(name=name, how=how, to=to_user, actor=self.manager).offboarding
        row = check(offboarding_id=row.id, actor=self.manager)
        open_ones = row.items.filter(seen__in=[Seen.STILL_THERE, Seen.WAITING, Seen.NOT_REACHABLE])
        assert not open_ones.exists()
        if how is OffboardMode.AGENTS:
            assert not TrashedTag.objects.filter(name=name).exists()

    def rename(self) -> None:
        old, new = self.random.sample(TAGS, 2)
        rename_tag(old=old, new=new, actor=ROOT)

    def merge(self) -> None:
        source, target = self.random.sample(TAGS, 2)
        merge_tags(source=source, target=target, actor=ROOT)

    def delete_tag(self) -> None:
        delete_tag(name=self.random.choice(TAGS), actor=ROOT)

    def separate(self) -> None:
        separate(block_id=self.some(Crossing), actor=ROOT)

    def undo(self) -> None:
        newest = list(ChangeSet.objects.order_by("-id").values_list("id", flat=True)[:6])
        undo_set(change_set_id=self.random.choice(newest), actor=ROOT)

    # --- Recounts -----------------------------------------------------------------------------

    def check(self) -> None:
        assert drift() == []
        carried = {agent.seq: set(tags_of(agent)) for agent in Agent.objects.all()}
        users = {seq: names & self._users() for seq, names in carried.items()}
        self._check_crossings(users)
        for tag in Tag.objects.filter(names_user=True):
            self._check_inventory(tag, users)
        for row in TrashedAgent.objects.all():
            own = [block for _, block in loads(row.state)["blocks"] if block is not None]
            assert row.block_count == len(own)

    def _users(self) -> set[str]:
        return set(Tag.objects.filter(names_user=True).values_list("name", flat=True))

    def _check_crossings(self, users: dict[int, set[str]]) -> None:
        shared: dict[tuple[str, str], list[int]] = defaultdict(list)
        for seq, thing in AgentBlock.objects.values_list("agent_id", "block__public_id"):
            shared["block", thing].append(seq)
        for seq, thing in AgentIdentity.objects.values_list("agent_id", "identity__public_id"):
            shared["identity", thing].append(seq)
        counted = {
            key: sorted(set().union(*(users[seq] for seq in seqs)))
            for key, seqs in shared.items()
            if len(seqs) > 1 and len(set().union(*(users[seq] for seq in seqs))) > 1
        }
        assert catch_up(seconds=60)
        forget_ended(actor=ROOT)
        rows = crossing_page(actor=ROOT, size=1000).rows
        assert {(one.row.kind, one.row.public_id): one.users for one in rows} == counted
        assert Crossing.objects.count() == len(counted)

    def _check_inventory(self, tag: Tag, users: dict[int, set[str]]) -> None:
        mine = {seq for seq, names in users.items() if tag.name in names}
        goes = {seq for seq in mine if len(users[seq]) == 1}
        having: dict[int, set[int]] = defaultdict(set)
        for block_id, seq in AgentBlock.objects.values_list("block_id", "agent_id"):
            having[block_id].add(seq)
        ours = [seqs for seqs in having.values() if seqs & mine]
        identities = AgentIdentity.objects.filter(agent_id__in=mine)
        counted = {
            ("agents", "deleted"): len(goes),
            ("agents", "loses the tag"): len(mine - goes),
            ("blocks", "deleted"): sum(seqs <= goes for seqs in ours),
            ("blocks", "kept"): sum(not seqs <= goes for seqs in ours),
            ("identities", "kept"): identities.values("identity_id").distinct().count(),
            ("trash", "deleted"): len(
                set(TrashedTag.objects.filter(name=tag.name).values_list("agent_id", flat=True))
            ),
        }
        found = {
            (part.kind, part.action): part.count
            for part in parts(Asked(tag, OffboardMode.AGENTS))
            if part.kind in ("agents", "blocks", "identities", "trash")
        }
        assert found == {key: count for key, count in counted.items() if count}


def play(seed: int, steps: int) -> None:
    world = World(seed)
    often = [world.create, world.tag, world.share, world.delete, world.restore, world.identity]
    seldom = [
        world.unshare, world.off_board, world.rename, world.merge, world.delete_tag, world.separate,
        world.undo,
    ]  # fmt: skip
    for step in range(steps):
        change = world.random.choice(often * 2 + seldom if step > 8 else [world.create])
        with suppress(DomainError):
            change()
        world.check()


def test_everything_equals_a_recount() -> None:
    play(1, 40)


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(10, 20))
def test_everything_equals_a_recount_for_long(seed: int) -> None:
    play(seed, 300)
