"""Random edits from both sides, with a worker that dies anywhere: both sides end equal."""

import random
from collections.abc import Callable
from contextlib import suppress

import pytest

from agents.core.errors import DomainError
from agents.core.filters import AgentFilter
from agents.domain.bulk import run
from agents.domain.bulk.plans import BulkChange, Selection, make_plan
from agents.domain.directory import merge
from agents.domain.directory.rename import rename_tag
from agents.domain.history.undo_set import undo_set
from agents.models import Agent, AgentTag, BulkOp, ChangeSet, SourcedAgent, Tag
from agents.net.connectors.base import SourceError
from tests.domain.sources.conftest import Connected
from tests.domain.sources.stand_in import Drop
from tests.helpers import ROOT, drift

pytestmark = pytest.mark.django_db

_NAMES = ["user_1", "user_2", "vip", "a", "b", "c", "d", "e"]
_MINE = "only here"
_UGLY = ["", "x" * 600, "nul\0", "lone\ud800"]
_AGENTS = 4
_STEPS = 60


class _World:
    """Both sides, and which agents carry the tag that only ADE touches: no sync may change that."""

    def __init__(self, local: Connected, seed: int) -> None:
        self.local = local
        self.random = random.Random(seed)
        self.ids = [local.server.add(*self.random.sample(_NAMES, 3)) for _ in range(_AGENTS)]
        self.drops = 0
        self.mine: set[str] = set()

    def step(self) -> None:
        """Do one thing at random."""
        weighted: list[tuple[Callable[[], None], int]] = [
            (self.edit_here, 4), (self.edit_mine, 3), (self.edit_there, 6), (self.rename_here, 1), (self.merge_here, 1),
            (self.undo_here, 1), (self.bulk_here, 1), (self.field_there, 1), (self.ugly_there, 1),
            (self.pull, 5), (self.push, 5),
        ]  # fmt: skip
        [do] = self.random.choices([each for each, _ in weighted], [w for _, w in weighted])
        do()
        if do in (self.pull, self.push):
            assert self._with_mine() == self.mine
        self.mine = self._with_mine()

    def _with_mine(self) -> set[str]:
        rows = AgentTag.objects.filter(tag__name=_MINE)
        return set(rows.values_list("agent__public_id", flat=True))

    def _one(self) -> str:
        return self.random.choice(self.ids)

    def _tag(self) -> str:
        return self.random.choice(_NAMES)

    def edit_here(self) -> None:
        agent_id, tag = self._one(), self._tag()
        if not Agent.objects.filter(public_id=agent_id).exists():
            return
        change = "add" if tag not in self.local.tags(agent_id) else "remove"
        self.local.edit(agent_id, **{change: [tag]})

    def edit_mine(self) -> None:
        agent_id = self._one()
        if Agent.objects.filter(public_id=agent_id).exists():
            change = "remove" if agent_id in self.mine else "add"
            self.local.edit(agent_id, **{change: [_MINE]})

    def edit_there(self) -> None:
        agent_id, tag = self._one(), self._tag()
        change = "add" if tag not in self.local.server.tags(agent_id) else "remove"
        self.local.server.retag(agent_id, **{change: tag})

    def ugly_there(self) -> None:
        self.local.server.retag(self._one(), add=self.random.choice(_UGLY))

    def field_there(self) -> None:
        self.local.server.agents[self._one()]["name"] = f"Ann {self.random.random()}"

    def rename_here(self) -> None:
        with suppress(DomainError):
            rename_tag(old=self._tag(), new=self._tag(), actor=ROOT)

    def merge_here(self) -> None:
        with suppress(DomainError):
            merge.merge_tags(source=self._tag(), target=self._tag(), actor=ROOT)

    def undo_here(self) -> None:
        newest = ChangeSet.objects.order_by("-id").values_list("id", flat=True)[:8]
        with suppress(DomainError):
            undo_set(change_set_id=self.random.choice(list(newest)), actor=ROOT)

    def bulk_here(self) -> None:
        change = BulkChange(BulkOp.ADD, add=[self._tag()], owners=None)
        with suppress(DomainError):
            plan = make_plan(selection=Selection(AgentFilter()), change=change, actor=ROOT)
            run.begin(plan_id=plan.id, actor=ROOT)
            while run.step(plan.id):
                pass

    def pull(self) -> None:
        with suppress(SourceError):
            self.local.pull()

    def push(self) -> None:
        SourcedAgent.objects.update(push_after=None)
        with suppress(SourceError):
            self.local.push()

    def disturb(self, kind: str, agent_id: str) -> None:
        """Around a request: write from outside with an old read, or break the connection."""
        if kind not in ("agent_update", "agent_retrieve", "agent_list"):
            return
        luck = self.random.random()
        if luck < 0.03:
            self.drops += 1
            raise Drop
        if luck < 0.10:
            self.edit_there()

    def settle(self) -> None:
        """Let both sides come to rest, undisturbed."""
        self.local.server.before = self.local.server.after = lambda kind, agent_id: None
        for _ in range(3):
            self.push()
            self.pull()


@pytest.mark.parametrize("seed", [1, 2])
def test_both_sides_end_equal(local: Connected, seed: int) -> None:
    world = _World(local, seed)
    local.server.before = local.server.after = world.disturb
    for _ in range(_STEPS):
        world.step()
    world.settle()
    assert world.drops
    assert not SourcedAgent.objects.filter(behind_since__isnull=False).exists()
    for agent_id in world.ids:
        there = [tag for tag in local.server.tags(agent_id) if tag not in _UGLY]
        assert local.tags(agent_id) == sorted(there)
        assert (_MINE in there) == (agent_id in world.mine)
        assert Agent.objects.get(public_id=agent_id).name == local.server.agents[agent_id]["name"]
    requests = len(local.server.requests)
    local.pull()
    local.push()
    assert "agent_update" not in local.server.requests[requests:]
    assert drift() == []
    assert Tag.objects.exists()
