"""Which memory blocks an agent has: made with it, attached, detached."""

from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone

from agents.actors import Actor, Power
from agents.domain import history
from agents.domain.blocks import block_not_found, new_row
from agents.domain.history import Entry
from agents.domain.holds import Held, hold
from agents.domain.newagents import NewBlock, checked_blocks
from agents.domain.transactions import write
from agents.errors import Conflict, Invalid
from agents.limits import BLOCKS_PER_AGENT
from agents.listing.blocks import visible_blocks
from agents.models import Act, Agent, AgentBlock, Block, Op
from agents.tagnames import text_problem


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
            row = new_row(columns, at=at)
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
    legal = [block_id for block_id in wanted if not text_problem(block_id)]
    # Locked, so that none is deleted before the rows that name it are in.
    blocks = visible_blocks(actor).filter(public_id__in=legal).order_by("id")
    found = {block.public_id: block for block in blocks.select_for_update(no_key=True)}
    for block_id in wanted:
        if block_id not in found:
            raise block_not_found(block_id)
    _attach(agent, [found[block_id] for block_id in wanted])


@write
def add_block(*, agent_id: str, new: NewBlock, actor: Actor) -> Block:
    """Make a block and give it to an agent. Raises NotFound, NotAllowed, Invalid."""
    actor.require(Power.WRITE, "create memory blocks")
    held = hold(agent_id, actor=actor)
    make_blocks(held.agent, [new], at=timezone.now(), shared={})
    block = Block.objects.get(agentblock__agent=held.agent, agentblock__label=new.label)
    _recorded(held, block, attached=True)
    return block


@write
def attach_block(*, agent_id: str, block_id: str, actor: Actor) -> Agent:
    """Give an agent a block that exists; one that it has already is no change.

    Raises NotFound, NotAllowed, Conflict (it has another one of that label), Invalid (too many).
    """
    actor.require(Power.WRITE, "edit memory blocks")
    held = hold(agent_id, actor=actor)
    block = _visible(block_id, actor)
    if AgentBlock.objects.filter(agent=held.agent, block=block).exists():
        return held.agent
    if AgentBlock.objects.filter(agent=held.agent, label=block.label).exists():
        raise Conflict("The agent has a memory block with this label already.", field="label")
    _attach(held.agent, [block])
    return _recorded(held, block, attached=True)


@write
def detach_block(*, agent_id: str, block_id: str, actor: Actor) -> Agent:
    """Take a block off an agent; the block stays. One that it has not is no change.

    Raises NotFound, NotAllowed.
    """
    actor.require(Power.WRITE, "edit memory blocks")
    held = hold(agent_id, actor=actor)
    block = _visible(block_id, actor)
    rows = AgentBlock.objects.filter(agent=held.agent, block=block)
    if not rows.exists():
        return held.agent
    rows.delete()
    return _recorded(held, block, attached=False)


def _visible(block_id: str, actor: Actor) -> Block:
    blocks = visible_blocks(actor).filter(public_id=block_id).select_for_update(no_key=True)
    block = None if text_problem(block_id) else blocks.first()
    if block is None:
        raise block_not_found(block_id)
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


def _recorded(held: Held, block: Block, *, attached: bool) -> Agent:
    agent, at = held.agent, held.touch()
    agent.save(update_fields=["updated_at", "version"])
    old, new = (None, block.value) if attached else (block.value, None)
    name = f"block {block.label}"[:64]
    change_set = history.open_change_set(actor=held.actor, act=Act.BLOCKS, at=at)
    entry = Entry(Op.SET, agent.public_id, agent.name, field=name, old=old, new=new)
    history.record(change_set, [entry])
    return agent
