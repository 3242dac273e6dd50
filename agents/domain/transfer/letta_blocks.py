"""Create and update memory blocks of another server: shared ones stay shared, and free ids are kept.

Call everything here inside the write of the agents that have the blocks, which are locked.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import uuid4

from django.db import IntegrityError

from agents.core.errors import Invalid, LimitExceeded
from agents.core.limits import BLOCKS_PER_AGENT
from agents.domain.core.record import Entry
from agents.domain.core.transactions import RowsChanged
from agents.domain.memory.new import checked_block
from agents.domain.transfer.letta_state import SourceBlock
from agents.models import Agent, AgentBlock, Block, ImportedBlock, ImportSource, Op

_PUBLIC_ID = re.compile(r"block-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_EDITED = ("label", "value", "limit", "description", "read_only", "metadata")


def known(source: ImportSource, block_ids: Collection[str]) -> dict[str, ImportedBlock]:
    """Return the blocks that were imported before, by their ids at the source."""
    if not block_ids:
        return {}
    rows = ImportedBlock.objects.filter(source=source, source_block_id__in=block_ids)
    return {row.source_block_id: row for row in rows}


def bring(
    source: ImportSource, blocks: Mapping[str, SourceBlock], *, at: datetime
) -> dict[str, Block]:
    """Return the rows of these blocks, by their ids at the source. Missing ones are created.

    Raises Invalid.
    """
    rows = known(source, blocks.keys())
    here = _here(row.public_id for row in rows.values())
    found = {key: here[row.public_id] for key, row in rows.items() if row.public_id in here}
    missing = {key: block for key, block in blocks.items() if key not in found}
    made = _make(missing, at=at)
    ImportedBlock.objects.bulk_create(
        ImportedBlock(
            source=source,
            source_block_id=key,
            public_id=block.public_id,
            digest=blocks[key].digest,
        )
        for key, block in made.items()
        if key not in rows
    )
    again = [rows[key] for key in made if key in rows]  # deleted in ADE, and needed again
    for row in again:
        row.public_id = made[row.source_block_id].public_id
        row.digest = blocks[row.source_block_id].digest
    ImportedBlock.objects.bulk_update(again, ["public_id", "digest"])
    return found | made


def attach_new(agents: Iterable[tuple[Agent, Sequence[Block]]]) -> None:
    """Attach the blocks of agents that have none yet. Raises Invalid if labels collide."""
    rows = []
    for agent, blocks in agents:
        _check_labels([block.label for block in blocks])
        rows += [AgentBlock(agent=agent, block=block, label=block.label) for block in blocks]
    AgentBlock.objects.bulk_create(rows)


def attach(agent: Agent, blocks: Sequence[Block]) -> list[Entry]:
    """Attach blocks that an agent does not have. Raises Invalid if labels collide."""
    own = dict(AgentBlock.objects.filter(agent=agent).values_list("block_id", "label"))
    new = [block for block in blocks if block.id not in own]
    _check_labels([*own.values(), *(block.label for block in new)])
    AgentBlock.objects.bulk_create(
        AgentBlock(agent=agent, block=block, label=block.label) for block in new
    )
    return [_entry(agent, f"block {block.label}", None, block.value) for block in new]


def detach(source: ImportSource, agent: Agent, block_ids: Collection[str]) -> list[Entry]:
    """Detach blocks of the source from an agent. The blocks stay."""
    ids = [row.public_id for row in known(source, block_ids).values()]
    rows = AgentBlock.objects.filter(agent=agent, block__public_id__in=ids)
    blocks = [row.block for row in rows.select_related("block")]
    AgentBlock.objects.filter(agent=agent, block__in=blocks).delete()
    return [_entry(agent, f"block {block.label}", block.value, None) for block in blocks]


def edit(
    source: ImportSource, agent: Agent, blocks: Sequence[SourceBlock], *, at: datetime
) -> list[Entry]:
    """Update blocks from the source. History records it for one agent that has them. Raises Invalid."""
    entries: list[Entry] = []
    for row in known(source, [block.id for block in blocks]).values():
        block = next(block for block in blocks if block.id == row.source_block_id)
        local = Block.objects.select_for_update(no_key=True).filter(public_id=row.public_id).first()
        if local is not None:
            entries += _set(local, block, agent, at)
        row.digest = block.digest
        row.save(update_fields=["digest"])
    return entries


def _set(local: Block, block: SourceBlock, agent: Agent, at: datetime) -> list[Entry]:
    columns = checked_block(block.new())
    old = {name: getattr(local, name) for name in _EDITED}
    changed = [name for name in _EDITED if old[name] != columns[name]]
    if not changed:
        return []
    if "label" in changed:
        _relabel(local, columns["label"])
    for name in changed:
        setattr(local, name, columns[name])
    local.updated_at = at
    local.save(update_fields=[*changed, "updated_at"])
    return [
        _entry(agent, f"block {local.label}: {name}", _text(old[name]), _text(columns[name]))
        for name in changed
    ]


def _relabel(local: Block, label: str) -> None:
    having = AgentBlock.objects.filter(block=local).values("agent_id")
    if AgentBlock.objects.filter(agent_id__in=having, label=label).exists():
        raise Invalid("An agent already has a memory block with this label.", field="label")
    AgentBlock.objects.filter(block=local).update(label=label)


def _make(blocks: Mapping[str, SourceBlock], *, at: datetime) -> dict[str, Block]:
    if not blocks:
        return {}
    taken = _here(blocks.keys())
    made = {
        key: Block(
            public_id=key if key not in taken and _PUBLIC_ID.fullmatch(key) else f"block-{uuid4()}",
            created_at=at,
            updated_at=at,
            **checked_block(block.new()),
        )
        for key, block in blocks.items()
    }
    try:
        Block.objects.bulk_create(made.values())
    except IntegrityError:  # another process took one of the ids meanwhile
        raise RowsChanged from None
    return made


def _here(public_ids: Iterable[str]) -> dict[str, Block]:
    return Block.objects.in_bulk(list(public_ids), field_name="public_id")


def _check_labels(labels: Sequence[str]) -> None:
    if len(set(labels)) < len(labels):
        raise Invalid("The agent already has a memory block with this label.", field="label")
    if len(labels) > BLOCKS_PER_AGENT:
        raise LimitExceeded(
            f"An agent has at most {BLOCKS_PER_AGENT} memory blocks.", field="blocks"
        )


def _entry(agent: Agent, field: str, old: str | None, new: str | None) -> Entry:
    return Entry(Op.SET, agent.public_id, agent.name, field=field[:64], old=old, new=new)


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else str(value)
