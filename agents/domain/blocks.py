"""Writes of memory blocks, which agents may share."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from agents.actors import Actor, Power
from agents.domain import guard, history
from agents.domain.edits import UNSET
from agents.domain.history import Entry
from agents.domain.holds import hold
from agents.domain.newagents import (
    NewBlock,
    checked_block_limit,
    checked_block_value,
    checked_blocks,
    checked_description,
)
from agents.domain.transactions import write
from agents.errors import Invalid, NotFound
from agents.limits import BLOCKS_PER_AGENT
from agents.models import Act, Agent, AgentBlock, Block, Op


def make_blocks(
    agent: Agent, blocks: Sequence[NewBlock], *, at: datetime, shared: dict[str, Block]
) -> None:
    """Make an agent's own blocks; one whose key is in `shared` is attached, a new key goes in.

    Call it inside the transaction that makes the agent.
    """
    if not blocks:
        return
    rows: list[Block] = []
    attached: list[Block] = []
    for block, columns in zip(blocks, checked_blocks(list(blocks)), strict=True):
        row = shared.get(block.key) if block.key else None
        if row is None:
            row = Block(public_id=f"block-{uuid4()}", created_at=at, updated_at=at, **columns)
            rows.append(row)
            if block.key:
                shared[block.key] = row
        attached.append(row)
    Block.objects.bulk_create(rows)
    _attach(agent, attached)


def attach_existing(agent: Agent, block_ids: Sequence[str], *, actor: Actor) -> None:
    """Attach blocks that exist. Raises NotFound, or Invalid where the agent has the label."""
    if not block_ids:
        return
    wanted = list(dict.fromkeys(block_ids))
    found = {block.public_id: block for block in visible_blocks(actor).filter(public_id__in=wanted)}
    for block_id in wanted:
        if block_id not in found:
            raise NotFound(f"Block with ID {block_id} not found")
    _attach(agent, [found[block_id] for block_id in wanted])


def visible_blocks(actor: Actor) -> Any:
    """The blocks that exist for this actor: all, or those of agents it may see."""
    if actor.limit is None:
        return Block.objects.all()
    agents = Agent.objects.visible_to(actor).values("seq")
    return Block.objects.filter(
        id__in=AgentBlock.objects.filter(agent_id__in=agents).values("block_id")
    )


@write
def update_block(
    *,
    agent_id: str,
    label: str,
    actor: Actor,
    value: Any = UNSET,
    limit: Any = UNSET,
    description: Any = UNSET,
) -> Block:
    """Edit an agent's block, found by its label, for all agents that share it.

    Raises Invalid, NotFound, NotAllowed.
    """
    actor.require(Power.WRITE, "edit memory blocks")
    held = hold(agent_id, actor=actor)
    agent = held.agent
    block = (
        Block.objects.select_for_update(no_key=True)
        .filter(agentblock__agent=agent, label=label)
        .first()
    )
    if block is None:
        raise NotFound(f"No block with label '{label}' found for agent '{agent_id}'")
    guard.check_block(actor, block)
    before = {"value": block.value, "limit": str(block.limit), "description": block.description}
    if limit is not UNSET:
        block.limit = checked_block_limit(limit)
    text = block.value if value is UNSET else value
    block.value = checked_block_value(text, limit=block.limit)
    if description is not UNSET:
        block.description = checked_description(description)
    after = {"value": block.value, "limit": str(block.limit), "description": block.description}
    if after == before:
        return block
    block.updated_at = held.touch()
    block.save()
    agent.save(update_fields=["updated_at", "version"])
    change_set = history.open_change_set(actor=actor, act=Act.BLOCKS, at=block.updated_at)
    history.record(
        change_set,
        [
            Entry(
                Op.SET,
                agent.public_id,
                agent.name,
                field=f"block {label}: {name}"[:64],
                old=before[name],
                new=after[name],
            )
            for name in after
            if after[name] != before[name]
        ],
    )
    return block


def _attach(agent: Agent, blocks: Sequence[Block]) -> None:
    labels = list(AgentBlock.objects.filter(agent=agent).values_list("label", flat=True))
    labels += [block.label for block in blocks]
    if len(set(labels)) < len(labels):
        raise Invalid("The agent has a memory block with this label already.", field="label")
    if len(labels) > BLOCKS_PER_AGENT:
        raise Invalid(f"An agent has at most {BLOCKS_PER_AGENT} memory blocks.", field="blocks")
    AgentBlock.objects.bulk_create(
        AgentBlock(agent=agent, block=block, label=block.label) for block in blocks
    )
