"""Resolve a crossing: give each user a copy of a shared memory block, or mark it as meant."""

from collections import defaultdict
from dataclasses import dataclass
from uuid import uuid4

from django.utils import timezone

from agents.core.actors import Actor, Power
from agents.core.errors import Conflict, Invalid, NotFound
from agents.core.tag_text import text_problem
from agents.domain.core import record
from agents.domain.core.record import Entry
from agents.domain.core.transactions import RowsChanged, write
from agents.domain.core.versions import lock_in_order, touch_all
from agents.models import (
    Act,
    Agent,
    AgentBlock,
    AgentTag,
    Block,
    Change,
    ChangeSet,
    Crossing,
    CrossingKind,
    Op,
)
from agents.queries.crossings import AGENTS_LOOKED, now

# The field of the history that says which block an agent had, and which copy it has.
MOVED_BLOCK = "memory block separated"


@dataclass(frozen=True, slots=True)
class Separation:
    """Who keeps the block, and who gets a copy: agents by user. `kept` agents have no user or several."""

    block: Block
    keeper: str
    copies: dict[str, list[Agent]]
    kept: int

    @property
    def fingerprint(self) -> str:
        """Changes when the plan's effects change."""
        parts = (f"{user}:{len(agents)}" for user, agents in sorted(self.copies.items()))
        return "|".join([self.block.public_id, self.keeper, str(self.kept), *parts])


def plan_separation(*, block_id: str, actor: Actor) -> Separation:
    """Plan a copy of a memory block for each user but the one with the most agents.

    Raises NotFound, NotAllowed, Conflict (no crossing, or too many agents).
    """
    actor.require(Power.MANAGE, "separate what users share")
    actor.require_unlimited("may not separate what users share")
    known = not text_problem(block_id)
    block = Block.objects.filter(public_id=block_id).first() if known else None
    if block is None:
        raise NotFound("There is no such memory block.")
    return plan_for(block, list(Agent.objects.filter(agentblock__block=block)[: AGENTS_LOOKED + 1]))


def plan_for(block: Block, agents: list[Agent]) -> Separation:
    """Plan the separation of a block that these agents have. Raises Conflict."""
    if len(agents) > AGENTS_LOOKED:
        raise Conflict(
            f"More than {AGENTS_LOOKED:,} agents have this memory block. Give them copies over the API."
        )
    users = defaultdict(set)
    rows = AgentTag.objects.filter(agent__in=agents, tag__names_user=True)
    for seq, name in rows.values_list("agent_id", "tag__name"):
        users[seq].add(name)
    by_user: dict[str, list[Agent]] = defaultdict(list)
    for agent in agents:
        if len(users[agent.seq]) == 1:
            by_user[next(iter(users[agent.seq]))].append(agent)
    if len(by_user) < 2:
        raise Conflict("No two users have agents of their own with this memory block.")
    keeper = min(by_user, key=lambda user: (-len(by_user[user]), user))
    kept = len(agents) - sum(len(some) for user, some in by_user.items() if user != keeper)
    copies = {user: some for user, some in sorted(by_user.items()) if user != keeper}
    return Separation(block, keeper, copies, kept)


@write
def separate(
    *, block_id: str, actor: Actor, fingerprint: str | None = None, reason: str = ""
) -> ChangeSet:
    """Give each user but one a copy of a shared memory block, in one change-set that can be undone.

    Raises as `plan_separation`, and Conflict if the plan is out of date.
    """
    seen = plan_separation(block_id=block_id, actor=actor).block
    agents = lock_in_order(Agent.objects.filter(agentblock__block=seen))
    block = Block.objects.select_for_update(no_key=True).filter(id=seen.id).first()
    if block is None:
        raise RowsChanged
    plan = plan_for(block, agents)
    if fingerprint is not None and fingerprint != plan.fingerprint:
        raise Conflict("This has changed since the plan was made. Review the new plan.")
    moved = [agent for some in plan.copies.values() for agent in some]
    at = touch_all(moved)
    change_set = record.open_change_set(actor=actor, act=Act.BLOCKS, reason=reason, at=at)
    entries = []
    for some in plan.copies.values():
        copy = _copy(block)
        AgentBlock.objects.filter(block=block, agent__in=some).delete()
        AgentBlock.objects.bulk_create(
            AgentBlock(agent=agent, block=copy, label=block.label) for agent in some
        )
        entries += [_entry(agent, block.public_id, copy.public_id) for agent in some]
    record.record(change_set, entries)
    end_if_resolved(block.public_id)
    return change_set


def end_if_resolved(block_id: str, source_id: int = 0) -> None:
    """Remove the stored crossing of a block, unless agents with several users still share it."""
    rows = Crossing.objects.filter(kind=CrossingKind.BLOCK, public_id=block_id, source_id=source_id)
    rows.filter(pk__in=[row.pk for row in rows if now(row) is None]).delete()


@write
def undo_separation(*, change_set_id: int, actor: Actor) -> ChangeSet:
    """Give the agents of a separation the shared block again. Copies that changed since are kept apart.

    Raises NotFound (no such separation), Conflict (nothing can be undone), NotAllowed.
    """
    actor.require(Power.MANAGE, "undo a separation")
    actor.require_unlimited("may not undo a separation")
    changes = list(
        Change.objects.filter(change_set_id=change_set_id, field=MOVED_BLOCK).order_by("id")
    )
    if not changes:
        raise NotFound("There is no such separation.")
    ids = {str(change.agent_id) for change in changes}
    agents = {a.public_id: a for a in lock_in_order(Agent.objects.filter(public_id__in=ids))}
    names = {str(text) for change in changes for text in (change.old, change.new)}
    found = Block.objects.select_for_update().filter(public_id__in=names).order_by("id")
    blocks = {block.public_id: block for block in found}
    back = [
        (agents[str(change.agent_id)], blocks[str(change.old)], blocks[str(change.new)])
        for change in changes
        if str(change.agent_id) in agents
        and {str(change.old), str(change.new)} <= blocks.keys()
        and _same(blocks[str(change.old)], blocks[str(change.new)])
    ]
    back = [
        move for move in back if AgentBlock.objects.filter(agent=move[0], block=move[2]).exists()
    ]
    if not back:
        raise Conflict("Nothing can be undone: the copies or the agents have changed since.")
    at = touch_all([agent for agent, _, _ in back])
    change_set = record.open_change_set(
        actor=actor, act=Act.BLOCKS, reason=f"Undo of change {change_set_id}", at=at
    )
    for agent, block, copy in back:
        AgentBlock.objects.filter(agent=agent, block=copy).delete()
        AgentBlock.objects.create(agent=agent, block=block, label=block.label)
    unused = {copy.id for _, _, copy in back}
    unused -= set(AgentBlock.objects.filter(block_id__in=unused).values_list("block_id", flat=True))
    Block.objects.filter(id__in=unused).delete()
    record.record(
        change_set, [_entry(agent, copy.public_id, block.public_id) for agent, block, copy in back]
    )
    return change_set


@write
def mark_meant(
    *, kind: str, public_id: str, source_id: int = 0, reason: str | None, actor: Actor
) -> Crossing:
    """Say that a crossing is meant, and why; None takes that back. Raises NotFound, NotAllowed, Invalid."""
    actor.require(Power.MANAGE, "mark something as meant to be shared")
    actor.require_unlimited("may not mark something as meant to be shared")
    rows = Crossing.objects.filter(kind=kind, public_id=public_id, source_id=source_id)
    row = None if text_problem(public_id) else rows.select_for_update().first()
    if row is None:
        raise NotFound("There is no such crossing.")
    if reason is not None and not reason.strip():
        raise Invalid("Say why it is meant to be shared.", field="reason")
    change_set = record.open_change_set(actor=actor, act=Act.BLOCKS, reason=reason or "")
    field = f"{kind} meant to be shared"
    entry = Entry(Op.SET, field=field, old=row.meant_reason and public_id, new=reason and public_id)
    record.record(change_set, [entry])
    row.meant_reason, row.meant_by = reason, actor.name
    row.meant_at = None if reason is None else timezone.now()
    row.save(update_fields=["meant_reason", "meant_by", "meant_at"])
    return row


def _copy(block: Block) -> Block:
    columns = {
        field.attname: getattr(block, field.attname)
        for field in Block._meta.concrete_fields
        if field.attname not in ("id", "public_id")
    }
    return Block.objects.create(public_id=f"block-{uuid4()}", **columns)


def _same(one: Block, other: Block) -> bool:
    return all(
        getattr(one, name) == getattr(other, name)
        for name in ("label", "value", "limit", "description", "read_only", "metadata", "extra")
    )


def _entry(agent: Agent, old: str, new: str) -> Entry:
    return Entry(Op.SET, agent.public_id, agent.name, field=MOVED_BLOCK, old=old, new=new)
