"""Writes of memory blocks, which agents may share.

A block is written under the locks of all agents that have it, and they all move on with it. Locks
stand in the order of all writes: agents by seq, then the block.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.utils import timezone

from agents.actors import Actor, Power
from agents.domain import guard, history
from agents.domain.edits import UNSET
from agents.domain.history import Entry
from agents.domain.holds import agent_not_found
from agents.domain.newagents import NewBlock, checked_block
from agents.domain.touching import lock, touch_all
from agents.domain.transactions import Moved, write
from agents.errors import Conflict, NotAllowed, NotFound
from agents.jsontext import loads
from agents.listing.blocks import visible_blocks
from agents.models import Act, Agent, AgentBlock, Block, Op
from agents.tagnames import text_problem

# History names the agents that share a block up to this many; of more it names none.
_NAMED = 100


@dataclass(frozen=True, slots=True)
class BlockEdit:
    """New values of a block's fields; UNSET ones are left as they are."""

    label: Any = UNSET
    value: Any = UNSET
    limit: Any = UNSET
    description: Any = UNSET
    read_only: Any = UNSET
    metadata: Any = UNSET
    extra: dict[str, Any] = field(default_factory=dict)

    def given(self) -> dict[str, Any]:
        """The fields that are to be set, without `extra`."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "extra"}
        return {name: value for name, value in values.items() if value is not UNSET}


def new_row(columns: dict[str, Any], *, at: datetime) -> Block:
    """A block with these checked columns and an id of its own, not saved."""
    return Block(public_id=f"block-{uuid4()}", created_at=at, updated_at=at, **columns)


def block_not_found(block_id: str) -> NotFound:
    """The one wording for a block that is not there, or not there for this actor."""
    return NotFound(f"Block with ID {block_id} not found")


@write
def create_block(new: NewBlock, *, actor: Actor) -> Block:
    """Make a block that no agent has yet. Raises Invalid, NotAllowed.

    Not for a limited actor: the block would not exist for it.
    """
    actor.require(Power.WRITE, "create memory blocks")
    if actor.limit is not None:
        raise NotAllowed("A key that is limited to a tag makes memory blocks with an agent only.")
    block = new_row(checked_block(new), at=timezone.now())
    block.save()
    _record(actor, [], block, [("", None, block.value)])
    return block


@write
def edit_block(*, block_id: str, edit: BlockEdit, actor: Actor) -> Block:
    """Edit a block for all agents that have it. What is so already is not recorded.

    Raises Invalid, NotFound, NotAllowed, Conflict (an agent has another block of the new label).
    """
    actor.require(Power.WRITE, "edit memory blocks")
    block, agents = _held(_pk_of(block_id, actor), block_id)
    return _edit(block, agents, edit, actor)


@write
def update_block(
    *, agent_id: str, label: str, actor: Actor, edit: BlockEdit | None = None, **given: Any
) -> Block:
    """Edit an agent's block, found by its label, for all agents that have it.

    Instead of `edit` its fields may be given. Raises as `edit_block` does.
    """
    actor.require(Power.WRITE, "edit memory blocks")
    seq = _seq_of(agent_id, actor)
    missing = NotFound(f"No block with label '{label}' found for agent '{agent_id}'")
    if text_problem(label):
        raise missing
    row = AgentBlock.objects.filter(agent_id=seq, label=label).select_related("block").first()
    if row is None:
        raise missing
    block, agents = _held(row.block_id, row.block.public_id)
    if seq not in {agent.seq for agent in agents}:
        raise Moved  # detached meanwhile, or the agent is gone
    return _edit(block, agents, edit or BlockEdit(**given), actor)


@write
def delete_block(*, block_id: str, actor: Actor) -> None:
    """Delete a block, and take it off all agents that have it. Raises NotFound, NotAllowed."""
    actor.require(Power.WRITE, "delete memory blocks")
    block, agents = _held(_pk_of(block_id, actor), block_id, to_delete=True)
    guard.check_block(actor, block)
    _record(actor, agents, block, [("", block.value, None)], at=touch_all(agents))
    AgentBlock.objects.filter(block=block).delete()
    block.delete()


def _edit(block: Block, agents: Sequence[Agent], edit: BlockEdit, actor: Actor) -> Block:
    guard.check_block(actor, block)
    before = _columns(block)
    values = {**before, "metadata": loads(block.metadata), "extra": loads(block.extra)}
    extra = {**values["extra"], **edit.extra}
    after = checked_block(NewBlock(**{**values, **edit.given(), "extra": extra}))
    changed = [name for name, value in after.items() if value != before[name]]
    if not changed:
        return block
    if "label" in changed:
        _relabel(block, agents, after["label"])
    for name in changed:
        setattr(block, name, after[name])
    block.updated_at = at = touch_all(agents)
    block.save()
    entries = [(f": {name}", _text(before[name]), _text(after[name])) for name in changed]
    _record(actor, agents, block, entries, at=at)
    return block


def _columns(block: Block) -> dict[str, Any]:
    names = ("label", "value", "limit", "description", "read_only", "metadata", "extra")
    return {name: getattr(block, name) for name in names}


def _relabel(block: Block, agents: Iterable[Agent], label: str) -> None:
    others = AgentBlock.objects.filter(agent__in=agents, label=label).exclude(block=block)
    if others.exists():
        raise Conflict("An agent has another memory block with this label.", field="label")
    AgentBlock.objects.filter(block=block).update(label=label)


def _pk_of(block_id: str, actor: Actor) -> int:
    seen = visible_blocks(actor).filter(public_id=block_id)
    pk = None if text_problem(block_id) else seen.values_list("id", flat=True).first()
    if pk is None:
        raise block_not_found(block_id)
    return pk


def _held(pk: int, block_id: str, *, to_delete: bool = False) -> tuple[Block, list[Agent]]:
    """Lock the agents that have the block, then the block."""
    agents = lock(Agent.objects.filter(agentblock__block_id=pk))
    block = Block.objects.select_for_update(no_key=not to_delete).filter(id=pk).first()
    if block is None:
        raise block_not_found(block_id)
    return block, agents


def _seq_of(agent_id: str, actor: Actor) -> int:
    seen = Agent.objects.visible_to(actor).filter(public_id=agent_id)
    seq = seen.values_list("seq", flat=True).first()
    if seq is None:
        raise agent_not_found(agent_id)
    return int(seq)


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else str(value)


def _record(
    actor: Actor,
    agents: Sequence[Agent],
    block: Block,
    changes: Sequence[tuple[str, str | None, str | None]],
    *,
    at: datetime | None = None,
) -> None:
    """Record (what of the block, old, new) for each agent that has it."""
    change_set = history.open_change_set(actor=actor, act=Act.BLOCKS, at=at)
    named: list[tuple[str | None, str | None]] = [(one.public_id, one.name) for one in agents]
    if not 0 < len(named) <= _NAMED:
        named = [(None, None)]
    entries = [
        # The end says what it is, so a long label is what is cut.
        Entry(Op.SET, *who, field=f"block {block.label[: 58 - len(what)]}{what}", old=old, new=new)
        for who in named
        for what, old, new in changes
    ]
    history.record(change_set, entries)
