"""The memory blocks of an agent of a source, read and edited there."""

import hashlib
import uuid
from dataclasses import dataclass, replace
from typing import Any

from agents.core.actors import Actor, Power
from agents.core.errors import Conflict, NotAllowed, NotFound
from agents.core.limits import BLOCK_LIMIT_DEFAULT
from agents.domain.core import record
from agents.domain.core.record import Entry
from agents.domain.core.transactions import rehearse, write
from agents.domain.memory.new import NewBlock, checked_block
from agents.domain.memory.write import BlockEdit
from agents.domain.sources import asking
from agents.domain.tags.locks import lock_agent
from agents.models import Act, Agent, AgentSource, Block, Op
from agents.net.connectors.base import Connector, SeenBlock


@dataclass(frozen=True, slots=True)
class BlockThere:
    """A block of an agent at its source. `id` has ADE's form, `there` is the server's own."""

    id: str
    there: SeenBlock

    def as_row(self) -> Block:
        """A row, not saved, for pages that show blocks."""
        fields = self.there.fields
        limit, description = fields.get("limit"), fields.get("description")
        block = Block(
            public_id=self.id,
            label=self.there.label,
            value=self.there.value,
            limit=limit if isinstance(limit, int) else BLOCK_LIMIT_DEFAULT,
            description=description if isinstance(description, str) else None,
            read_only=bool(fields.get("read_only")),
        )
        block.agents = 1  # type: ignore[attr-defined]  # the page reads this count, which no column has
        return block


def blocks_of(*, agent_id: str, actor: Actor) -> list[BlockThere] | None:
    """Read the blocks of an agent at its source; None for an agent that is kept here.

    Raises as `asking.ask`.
    """
    source = asking.source_of(agent_id, actor)
    return None if source is None else _read(source, agent_id)


def _read(source: AgentSource, agent_id: str) -> list[BlockThere]:
    def request(connector: Connector, seconds: float) -> list[SeenBlock]:
        return connector.blocks(agent_id, seconds=seconds)

    return [_in_form(agent_id, block) for block in asking.ask(source, request)]


def require_kept_here(*, agent_id: str, actor: Actor) -> None:
    """Raise Conflict for an agent of a source, whose blocks are attached and detached there."""
    source = asking.source_of(agent_id, actor)
    if source is not None:
        raise Conflict(
            f"The memory of this agent is at {source.name}. Add, attach and detach blocks there."
        )


def edit_block(*, agent_id: str, label: str, edit: BlockEdit, actor: Actor) -> BlockThere | None:
    """Edit the block of this label at the source; None for an agent that is kept here.

    Raises NotFound, NotAllowed, and as `asking.ask`.
    """
    source = asking.source_of(agent_id, actor)
    if source is None:
        return None
    actor.require(Power.WRITE, "edit memory blocks")
    old = next((b.there for b in _read(source, agent_id) if b.there.label == label), None)
    if old is None:
        raise NotFound(f"No block with label '{label}' found for agent '{agent_id}'")
    _require_own(source, agent_id, old, actor)
    now = {"label": old.label, "value": old.value, **old.fields}
    wanted = {**edit.given(), **edit.extra}
    changed = {name: value for name, value in wanted.items() if now.get(name) != value}
    _check(changed)
    if not changed:
        return _in_form(agent_id, old)

    def request(connector: Connector, seconds: float) -> SeenBlock:
        return connector.write_block(agent_id, old.id, changed, seconds=seconds)

    def settle(connector: Connector, seconds: float) -> SeenBlock | None:
        found = [b for b in connector.blocks(agent_id, seconds=seconds) if b.id == old.id]
        told = [{"label": b.label, "value": b.value, **b.fields} for b in found]
        same = told and all(told[0].get(name) == value for name, value in changed.items())
        return found[0] if same else None

    # Reading there took seconds, in which a right may have ended.
    rehearse(lambda: lock_agent(agent_id, actor=actor))
    new = asking.ask(source, request, settle)
    entries = [
        (f"block {label[:40]}: {name}"[:64], _text(now.get(name)), _text(value))
        for name, value in changed.items()
    ]
    _record(agent_id=agent_id, actor=actor, entries=entries)
    return _in_form(agent_id, new)


def _check(changed: dict[str, Any]) -> None:
    """Raise Invalid for values that no block in ADE may have."""
    names = ("label", "value", "limit", "description", "read_only", "metadata")
    given = {name: changed[name] for name in names if name in changed}
    checked_block(NewBlock(**{"label": "label", **given, "over_limit": True}))


def _require_own(source: AgentSource, agent_id: str, block: SeenBlock, actor: Actor) -> None:
    """Raise NotAllowed if a limited actor would edit what agents outside its reach remember."""
    if not actor.limited:
        return

    def request(connector: Connector, seconds: float) -> tuple[list[str] | None]:
        return (connector.sharers(agent_id, block.id, seconds=seconds),)

    (ids,) = asking.ask(source, request)
    own = Agent.objects.visible_to(actor).filter(public_id__in=ids or [])
    if ids is None or own.count() < len(set(ids)):
        raise NotAllowed(
            "This memory block is shared with agents that you cannot access. It is read-only."
        )


@write
def _record(
    *, agent_id: str, actor: Actor, entries: list[tuple[str, str | None, str | None]]
) -> None:
    """Record what was changed at the agent's source."""
    locked = lock_agent(agent_id, actor=actor)
    agent = locked.agent
    change_set = record.open_change_set(actor=actor, act=Act.BLOCKS)
    record.record(
        change_set,
        [
            Entry(Op.SET, agent.public_id, agent.name, field=field, old=old, new=new)
            for field, old, new in entries
        ],
    )


def _in_form(agent_id: str, block: SeenBlock) -> BlockThere:
    """Give a block an id in the form of Letta's: a memory file of an App Server has a path instead."""
    block = replace(
        block, label=_whole(block.label), value=_whole(block.value),
        fields={k: _whole(v) if isinstance(v, str) else v for k, v in block.fields.items()},
    )  # fmt: skip
    if block.id.startswith("block-"):
        return BlockThere(block.id, block)
    digest = hashlib.sha256(f"{agent_id} {block.id}".encode("utf-8", "surrogatepass")).digest()
    return BlockThere(f"block-{uuid.UUID(bytes=digest[:16], version=4)}", block)


def _text(value: Any) -> str | None:
    """A value for history. PostgreSQL stores no NUL."""
    return None if value is None else str(value).replace("\0", "\N{REPLACEMENT CHARACTER}")


def _whole(text: str) -> str:
    """The text without halves of surrogate pairs, which no page and no answer can contain."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
