"""The memory blocks of an agent: create, attach, detach."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.utils import timezone

from agents.core.actors import Actor, Power
from agents.core.errors import Conflict, Invalid, LimitExceeded
from agents.core.limits import BLOCKS_PER_AGENT
from agents.core.tag_text import text_problem
from agents.domain.core import record
from agents.domain.core.insert import insert
from agents.domain.core.record import Entry
from agents.domain.core.transactions import write
from agents.domain.memory.new import NewBlock, checked_block, checked_blocks
from agents.domain.memory.write import block_not_found, new_row
from agents.domain.tags.crossing import check_attach
from agents.domain.tags.locks import LockedAgent, lock_agent
from agents.models import Act, Agent, AgentBlock, Block, Op
from agents.queries.memory import visible_blocks


def make_blocks(
    made: Iterable[tuple[Agent, Sequence[NewBlock]]], *, at: datetime
) -> dict[str, list[Agent]]:
    """Create the blocks of new agents. Blocks with the same `key` become one shared block.

    Returns the agents of each of those, by id. Takes three statements, however many agents. Call it in the
    transaction that creates the agents.
    """
    of_shared: dict[str, list[Agent]] = {}
    shared: dict[str, Block] = {}
    rows: list[Block] = []
    links: list[tuple[Agent, Block]] = []
    for agent, blocks in made:
        for block, columns in zip(blocks, checked_blocks(list(blocks)), strict=True):
            row = shared.get(block.key) if block.key else None
            if row is None:
                row = new_row(columns, at=at)
                rows.append(row)
                if block.key:
                    shared[block.key] = row
            if block.key:
                of_shared.setdefault(row.public_id, []).append(agent)
            links.append((agent, row))
    Block.objects.bulk_create(rows, batch_size=1000)
    insert(
        AgentBlock, ("agent_id", "block_id", "label"), ((a.seq, b.id, b.label) for a, b in links)
    )
    return of_shared


def attach_existing(agent: Agent, block_ids: Sequence[str], *, actor: Actor) -> None:
    """Attach existing blocks. Raises NotFound, or Invalid if the agent already has a block with the label."""
    if block_ids:
        blocks = _existing(block_ids, actor)
        check_attach(agent, blocks, actor)
        _attach(agent, blocks)


def set_blocks(agent: Agent, block_ids: Sequence[str], *, actor: Actor) -> list[Entry]:
    """Replace the blocks of a locked agent. Detached blocks stay. Return the changes for history.

    Raises NotFound, or Invalid for two blocks with one label.
    """
    wanted = _existing(block_ids, actor)
    own = {row.block_id: row.block for row in _links(agent)}
    add = [block for block in wanted if block.id not in own]
    keep = {block.id for block in wanted}
    remove = [block for key, block in own.items() if key not in keep]
    AgentBlock.objects.filter(agent=agent, block__in=remove).delete()
    if add:
        check_attach(agent, add, actor)
        _attach(agent, add)
    return [_entry(agent, block, attached=False) for block in remove] + [
        _entry(agent, block, attached=True) for block in add
    ]


def _links(agent: Agent) -> Iterable[AgentBlock]:
    return AgentBlock.objects.filter(agent=agent).select_related("block").order_by("block_id")


def _existing(block_ids: Sequence[str], actor: Actor) -> list[Block]:
    """The blocks with these ids, locked. Raises NotFound."""
    wanted = list(dict.fromkeys(block_ids))
    legal = [block_id for block_id in wanted if not text_problem(block_id)]
    # Locked, so that no block is deleted before its new rows are inserted.
    blocks = visible_blocks(actor).filter(public_id__in=legal).order_by("id")
    found = {block.public_id: block for block in blocks.select_for_update(no_key=True)}
    for block_id in wanted:
        if block_id not in found:
            raise block_not_found(block_id)
    return [found[block_id] for block_id in wanted]


@write
def add_block(*, agent_id: str, new: NewBlock, actor: Actor) -> Block:
    """Create a block and attach it to an agent. Raises NotFound, NotAllowed, Invalid."""
    actor.require(Power.WRITE, "create memory blocks")
    locked = lock_agent(agent_id, actor=actor)
    block = new_row(checked_block(new), at=timezone.now())
    block.save()
    _attach(locked.agent, [block])
    _record(locked, block, attached=True)
    return block


@write
def attach_block(*, agent_id: str, block_id: str, actor: Actor) -> Agent:
    """Attach an existing block to an agent. An attached block is no change.

    Raises NotFound, NotAllowed, Conflict (the agent has another block with this label), Invalid (too many).
    """
    actor.require(Power.WRITE, "edit memory blocks")
    locked = lock_agent(agent_id, actor=actor)
    block = _visible(block_id, actor)
    if AgentBlock.objects.filter(agent=locked.agent, block=block).exists():
        return locked.agent
    if AgentBlock.objects.filter(agent=locked.agent, label=block.label).exists():
        raise Conflict("The agent already has a memory block with this label.", field="label")
    check_attach(locked.agent, [block], actor)
    _attach(locked.agent, [block])
    return _record(locked, block, attached=True)


@write
def detach_block(*, agent_id: str, block_id: str, actor: Actor) -> Agent:
    """Detach a block from an agent. The block stays. A block that is not attached is no change.

    Raises NotFound, NotAllowed.
    """
    actor.require(Power.WRITE, "edit memory blocks")
    locked = lock_agent(agent_id, actor=actor)
    block = _visible(block_id, actor)
    rows = AgentBlock.objects.filter(agent=locked.agent, block=block)
    if not rows.exists():
        return locked.agent
    rows.delete()
    return _record(locked, block, attached=False)


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
        raise Invalid("The agent already has a memory block with this label.", field="label")
    if len(labels) > BLOCKS_PER_AGENT:
        raise LimitExceeded(
            f"An agent has at most {BLOCKS_PER_AGENT} memory blocks.", field="blocks"
        )
    AgentBlock.objects.bulk_create(
        AgentBlock(agent=agent, block=block, label=block.label) for block in blocks
    )


def _record(locked: LockedAgent, block: Block, *, attached: bool) -> Agent:
    agent, at = locked.agent, locked.touch()
    agent.save(update_fields=["updated_at", "version"])
    change_set = record.open_change_set(actor=locked.actor, act=Act.BLOCKS, at=at)
    record.record(change_set, [_entry(agent, block, attached=attached)])
    return agent


def _entry(agent: Agent, block: Block, *, attached: bool) -> Entry:
    old, new = (None, block.value) if attached else (block.value, None)
    name = f"block {block.label}"[:64]
    return Entry(Op.SET, agent.public_id, agent.name, field=name, old=old, new=new)
