"""Create, edit and delete memory blocks, which several agents can share.

A write locks all agents that have the block, then the block. These agents get a new version too.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import partial
from typing import Any
from uuid import uuid4

from django.utils import timezone

from agents.core.actors import Actor, Power
from agents.core.errors import Conflict, NotFound
from agents.core.json_text import loads
from agents.core.tag_text import text_problem
from agents.domain.core import permissions
from agents.domain.core.record import record_for_agents
from agents.domain.core.transactions import RowsChanged, write
from agents.domain.core.unset import UNSET
from agents.domain.core.versions import lock_in_order, touch_all
from agents.domain.memory.new import NewBlock, checked_block
from agents.models import Act, Agent, AgentBlock, Block
from agents.queries.agents.find import find_seq
from agents.queries.memory import visible_blocks

_record = partial(record_for_agents, act=Act.BLOCKS)


@dataclass(frozen=True, slots=True)
class BlockEdit:
    """New values for the fields of a block. UNSET fields stay as they are."""

    label: Any = UNSET
    value: Any = UNSET
    limit: Any = UNSET
    description: Any = UNSET
    read_only: Any = UNSET
    metadata: Any = UNSET
    extra: dict[str, Any] = field(default_factory=dict)

    def given(self) -> dict[str, Any]:
        """The fields to set, without `extra`."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "extra"}
        return {name: value for name, value in values.items() if value is not UNSET}


def new_row(columns: dict[str, Any], *, at: datetime) -> Block:
    """Return an unsaved block with these checked columns and a new id."""
    return Block(public_id=f"block-{uuid4()}", created_at=at, updated_at=at, **columns)


def block_not_found(block_id: str) -> NotFound:
    """The error for a block that does not exist, or that this actor may not see."""
    return NotFound(f"Block with ID {block_id} not found")


@write
def create_block(new: NewBlock, *, actor: Actor) -> Block:
    """Create a block without an agent. Raises Invalid, NotAllowed.

    Limited actors may not do this: they could not see the block.
    """
    actor.require(Power.WRITE, "create memory blocks")
    actor.require_unlimited("may create memory blocks only for an agent")
    block = new_row(checked_block(new), at=timezone.now())
    block.save()
    _record(actor=actor, agents=[], changes=[(_field(block), None, block.value)])
    return block


@write
def edit_block(*, block_id: str, edit: BlockEdit, actor: Actor) -> Block:
    """Edit a block for all agents that have it. Unchanged values are not recorded.

    Raises Invalid, NotFound, NotAllowed, Conflict (an agent has another block of the new label).
    """
    actor.require(Power.WRITE, "edit memory blocks")
    block, agents = _locked(_pk_of(block_id, actor), block_id)
    return _edit(block, agents, edit, actor)


@write
def update_block(
    *, agent_id: str, label: str, actor: Actor, edit: BlockEdit | None = None, **given: Any
) -> Block:
    """Edit the block with this label of an agent, for all agents that have it.

    Pass an `edit`, or its fields. Raises as `edit_block` does.
    """
    actor.require(Power.WRITE, "edit memory blocks")
    seq = find_seq(agent_id, actor)
    missing = NotFound(f"No block with label '{label}' found for agent '{agent_id}'")
    if text_problem(label):
        raise missing
    row = AgentBlock.objects.filter(agent_id=seq, label=label).select_related("block").first()
    if row is None:
        raise missing
    block, agents = _locked(row.block_id, row.block.public_id)
    if seq not in {agent.seq for agent in agents}:
        raise RowsChanged  # the block was detached or the agent deleted meanwhile
    return _edit(block, agents, edit or BlockEdit(**given), actor)


@write
def delete_block(*, block_id: str, actor: Actor) -> None:
    """Delete a block and detach it from all agents. Raises NotFound, NotAllowed."""
    actor.require(Power.WRITE, "delete memory blocks")
    block, agents = _locked(_pk_of(block_id, actor), block_id, to_delete=True)
    permissions.check_block(actor, block)
    _record(
        actor=actor,
        agents=agents,
        changes=[(_field(block), block.value, None)],
        at=touch_all(agents),
    )
    AgentBlock.objects.filter(block=block).delete()
    block.delete()


@write
def delete_unused(*, block_id: str, actor: Actor) -> bool:
    """Delete a block if no agent has it. False if it does not exist or an agent has it. Raises NotAllowed."""
    actor.require(Power.WRITE, "delete memory blocks")
    actor.require_unlimited("may not delete memory blocks of no agent")
    legal = [] if text_problem(block_id) else [block_id]
    block = Block.objects.select_for_update().filter(public_id__in=legal).first()
    if block is None or AgentBlock.objects.filter(block=block).exists():
        return False
    _record(actor=actor, agents=[], changes=[(_field(block), None, None)])
    block.delete()
    return True


def _edit(block: Block, agents: Sequence[Agent], edit: BlockEdit, actor: Actor) -> Block:
    permissions.check_block(actor, block)
    before = _columns(block)
    values = {**before, "metadata": loads(block.metadata), "extra": loads(block.extra)}
    extra = {**values["extra"], **edit.extra}
    wanted = {**values, **edit.given(), "extra": extra}
    same = all(wanted[name] == values[name] for name in ("value", "limit"))
    after = checked_block(NewBlock(**wanted, over_limit=same))
    changed = [name for name, value in after.items() if value != before[name]]
    if not changed:
        return block
    if "label" in changed:
        _relabel(block, agents, after["label"])
    for name in changed:
        setattr(block, name, after[name])
    block.updated_at = at = touch_all(agents)
    block.save()
    changes = [
        (_field(block, f": {name}"), _text(before[name]), _text(after[name])) for name in changed
    ]
    _record(actor=actor, agents=agents, changes=changes, at=at)
    return block


def _columns(block: Block) -> dict[str, Any]:
    names = ("label", "value", "limit", "description", "read_only", "metadata", "extra")
    return {name: getattr(block, name) for name in names}


def _relabel(block: Block, agents: Iterable[Agent], label: str) -> None:
    others = AgentBlock.objects.filter(agent__in=agents, label=label).exclude(block=block)
    if others.exists():
        raise Conflict("An agent already has another memory block with this label.", field="label")
    AgentBlock.objects.filter(block=block).update(label=label)


def _pk_of(block_id: str, actor: Actor) -> int:
    seen = visible_blocks(actor).filter(public_id=block_id)
    pk = None if text_problem(block_id) else seen.values_list("id", flat=True).first()
    if pk is None:
        raise block_not_found(block_id)
    return pk


def _locked(pk: int, block_id: str, *, to_delete: bool = False) -> tuple[Block, list[Agent]]:
    """Lock the agents that have the block, then the block."""
    agents = lock_in_order(Agent.objects.filter(agentblock__block_id=pk))
    block = Block.objects.select_for_update(no_key=not to_delete).filter(id=pk).first()
    if block is None:
        raise block_not_found(block_id)
    return block, agents


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else str(value)


def _field(block: Block, what: str = "") -> str:
    """The name of the change in history. A long label is cut: the end says what changed."""
    return f"block {block.label[: 58 - len(what)]}{what}"
