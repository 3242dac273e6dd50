"""Separate a memory block at a source: step by step, read back after each, to be resumed and undone.

The plan is written down first, one step for each agent. A step takes the block from the agent and gives it
its user's copy instead: a Letta server refuses two blocks of one label. Nothing is locked while the source
is asked.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils import timezone

from agents.core.actors import Actor, Power
from agents.core.errors import Conflict, DomainError, NotFound
from agents.core.tag_text import text_problem
from agents.domain.core import record
from agents.domain.core.record import Entry
from agents.domain.core.rights import require_unchanged_rights
from agents.domain.core.transactions import write
from agents.domain.crossings.separate import MOVED_BLOCK, Separation, end_if_resolved, plan_for
from agents.domain.sources import asking
from agents.domain.sources.deletion.delete import delete_block_there, has_agents
from agents.domain.sources.places import place
from agents.models import (
    Act,
    Agent,
    AgentSource,
    Block,
    BlockMove,
    ChangeSet,
    Op,
    SourcedBlock,
)
from agents.net.connectors.base import AgentNotThere, Connector, SeenBlock
from agents.queries.crossings import AGENTS_LOOKED

SECONDS = 8.0  # of one request of a person; the rest is resumed
_MARK = "ade_copy"  # in the metadata of a copy, to find one whose answer was lost
_COPIED = ("limit", "description", "read_only")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a separation is. `problem` is why it stopped."""

    change_set_id: int
    done: int
    left: int
    problem: str = ""


def plan_separation(*, source_id: int, block_id: str, actor: Actor) -> Separation:
    """Plan a copy for each user but the one with the most agents. Raises NotFound, NotAllowed, Conflict."""
    _require(actor, "separate what users share")
    links = SourcedBlock.objects.filter(source_id=source_id, block_id=block_id)
    first = None if text_problem(block_id) else links.first()
    if first is None:
        raise NotFound("There is no such memory block.")
    seqs = links.order_by("agent_id").values_list("agent_id", flat=True)[: AGENTS_LOOKED + 1]
    agents = list(Agent.objects.filter(seq__in=list(seqs)).order_by("seq"))
    return plan_for(Block(public_id=block_id, label=first.label), agents)


@write
def begin(
    *,
    source_id: int,
    block_id: str,
    actor: Actor,
    fingerprint: str | None = None,
    reason: str = "",
) -> ChangeSet:
    """Write down the steps of a separation. `carry_out` does them. Raises as `plan_separation`."""
    plan = plan_separation(source_id=source_id, block_id=block_id, actor=actor)
    if fingerprint is not None and fingerprint != plan.fingerprint:
        raise Conflict("This has changed since the plan was made. Review the new plan.")
    if BlockMove.objects.filter(source_id=source_id, old=block_id, done_at=None).exists():
        raise Conflict("A separation of this memory block has begun. Continue that one.")
    change_set = record.open_change_set(actor=actor, act=Act.BLOCKS, reason=reason)
    BlockMove.objects.bulk_create(
        BlockMove(
            change_set_id=change_set.id,
            source_id=source_id,
            agent_id=agent.public_id,
            label=plan.block.label,
            user=user,
            old=block_id,
        )
        for user, agents in plan.copies.items()
        for agent in agents
    )
    return change_set


def carry_out(*, change_set_id: int, actor: Actor, seconds: float = SECONDS) -> Progress:
    """Do the remaining steps; stop after about `seconds`. Raises NotFound, NotAllowed."""
    _require(actor, "separate what users share")
    moves = BlockMove.objects.filter(change_set_id=change_set_id)
    if not moves.exists():
        raise NotFound("There is no such separation.")
    with place(f"separation-{change_set_id}") as free:
        problem = (
            _do(moves, actor, seconds)
            if free
            else "Another request is working on this separation. Try again in a few seconds."
        )
    return _progress(change_set_id, problem)


def _do(moves: QuerySet[BlockMove], actor: Actor, seconds: float) -> str:
    """Do steps for about `seconds`. Returns the error that stopped it, or an empty text."""
    end = time.monotonic() + seconds
    for move in moves.filter(done_at=None).order_by("id"):
        try:
            require_unchanged_rights(actor, share_lock=False)
            _step(asking.source_by_id(move.source_id), move, actor)
        except NotFound as error:  # the agent, or its source, is gone: nothing is left to separate
            _end(move=move, why=error.message, actor=actor)
        except DomainError as error:
            return error.message
        if time.monotonic() > end:
            break
    return ""


def unfinished() -> list[Progress]:
    """Separations with steps that are left, the newest 10."""
    rows = BlockMove.objects.filter(done_at=None).order_by("-change_set_id")
    ids = list(rows.values_list("change_set_id", flat=True).distinct()[:10])
    return [_progress(change_set_id) for change_set_id in ids]


def _progress(change_set_id: int, problem: str = "") -> Progress:
    moves = BlockMove.objects.filter(change_set_id=change_set_id)
    left = moves.filter(done_at=None).count()
    return Progress(change_set_id, moves.count() - left, left, problem)


def is_at_source(change_set_id: int) -> bool:
    """True if this change-set is a separation at a source."""
    return BlockMove.objects.filter(change_set_id=change_set_id).exists()


def begin_undo(*, change_set_id: int, actor: Actor) -> ChangeSet:
    """Write down the steps that give agents the shared block again. `carry_out` does them.

    Copies that changed since are kept apart. Raises NotFound, NotAllowed, Conflict (nothing can be
    undone), and as `asking.ask`.
    """
    _require(actor, "undo a separation")
    moves = list(BlockMove.objects.filter(change_set_id=change_set_id, problem="").order_by("id"))
    done = [move for move in moves if move.done_at is not None and move.new]
    if not done:
        raise NotFound("There is no such separation.")
    source = asking.source_by_id(done[0].source_id)
    same = {copy for copy in {move.new for move in done} if _is_same(source, done[0].old, copy)}
    back = [move for move in done if move.new in same]
    if not back:
        raise Conflict("Nothing can be undone: the copies or the agents have changed since.")
    return _write_undo(change_set_id=change_set_id, moves=back, actor=actor)


@write
def _write_undo(*, change_set_id: int, moves: Sequence[BlockMove], actor: Actor) -> ChangeSet:
    change_set = record.open_change_set(
        actor=actor, act=Act.BLOCKS, reason=f"Undo of change {change_set_id}"
    )
    BlockMove.objects.bulk_create(
        BlockMove(
            change_set_id=change_set.id, source_id=move.source_id, agent_id=move.agent_id,
            label=move.label, user=move.user, old=move.new, new=move.old, deletes_old=True,
        )
        for move in moves
    )  # fmt: skip
    return change_set


def _require(actor: Actor, what: str) -> None:
    actor.require(Power.MANAGE, what)
    actor.require_unlimited(f"may not {what}")


# --- Steps ----------------------------------------------------------------------------------


def _step(source: AgentSource, move: BlockMove, actor: Actor) -> None:
    """Give one agent its other block, and read it back. Raises as `asking.ask`."""
    new = move.new or _copy_of(source, move, actor)

    def request(connector: Connector, seconds: float) -> bool:
        has = {block.id for block in connector.blocks(move.agent_id, seconds=seconds)}
        if move.old in has:
            connector.detach_block(move.agent_id, move.old, seconds=seconds)
        if new not in has:
            connector.attach_block(move.agent_id, new, seconds=seconds)
        return settle(connector, seconds) or False

    def settle(connector: Connector, seconds: float) -> bool | None:
        has = {block.id for block in connector.blocks(move.agent_id, seconds=seconds)}
        return True if new in has and move.old not in has else None

    if not asking.ask(source, request, settle):
        raise Conflict(f"{source.name} did not store the change of {move.agent_id}.")
    _save(move=move, new=new, actor=actor)
    last = not BlockMove.objects.filter(old=move.old, done_at=None).exists()
    if move.deletes_old and last and not _has_agents(source, move.old):
        delete_block_there(source=source, block_id=move.old)


def _copy_of(source: AgentSource, move: BlockMove, actor: Actor) -> str:
    """The copy for the user of a step: made before, or made now."""
    mine = BlockMove.objects.filter(change_set_id=move.change_set_id, user=move.user)
    made = mine.exclude(new="").values_list("new", flat=True).first()
    if made is None:
        first = mine.order_by("id").values_list("id", flat=True)[0]
        made = _make_copy(source, move, f"{move.change_set_id}-{first}")
    _note_copy(change_set_id=move.change_set_id, user=move.user, new=made, actor=actor)
    return made


def _make_copy(source: AgentSource, move: BlockMove, mark: str) -> str:
    def find(connector: Connector, seconds: float) -> str | None:
        found = connector.blocks_labelled(str(move.label), seconds=seconds)
        return next((block.id for block in found if _metadata(block).get(_MARK) == mark), None)

    def request(connector: Connector, seconds: float) -> str:
        if (made := find(connector, seconds)) is not None:
            return made
        old = connector.block(move.old, seconds=seconds)
        fields = {name: old.fields[name] for name in _COPIED if old.fields.get(name) is not None}
        marked = {**_metadata(old), _MARK: mark}
        new = {**fields, "label": old.label, "value": old.value, "metadata": marked}
        return connector.create_block(new, seconds=seconds).id

    return asking.ask(source, request, find)


def _metadata(block: SeenBlock) -> dict[str, object]:
    said = block.fields.get("metadata")
    return dict(said) if isinstance(said, dict) else {}


def _is_same(source: AgentSource, old: str, copy: str) -> bool:
    """True if the source has both blocks, and they say the same."""

    def request(connector: Connector, seconds: float) -> tuple[SeenBlock, ...]:
        try:
            return tuple(connector.block(one, seconds=seconds) for one in (old, copy))
        except AgentNotThere:
            return ()

    blocks = asking.ask(source, request)
    said = [
        (block.label, block.value, *(block.fields.get(name) for name in _COPIED))
        for block in blocks
    ]
    return len(said) == 2 and said[0] == said[1]


def _has_agents(source: AgentSource, block_id: str) -> bool:
    return asking.ask(source, lambda c, s: has_agents(c, block_id, s))


# --- Rows -----------------------------------------------------------------------------------


@write
def _note_copy(*, change_set_id: int, user: str, new: str, actor: Actor) -> None:
    BlockMove.objects.filter(change_set_id=change_set_id, user=user).update(new=new)


@write
def _save(*, move: BlockMove, new: str, actor: Actor) -> None:
    """Note that a step was seen done, with its history."""
    now = timezone.now()
    BlockMove.objects.filter(id=move.id).update(new=new, done_at=now, problem="")
    agent = Agent.objects.filter(public_id=move.agent_id).first()
    if agent is None:
        return
    SourcedBlock.objects.filter(agent=agent, block_id__in=[move.old, new]).delete()
    SourcedBlock.objects.create(
        agent=agent, source_id=move.source_id, block_id=new, label=move.label
    )
    entry = Entry(Op.SET, agent.public_id, agent.name, field=MOVED_BLOCK, old=move.old, new=new)
    record.record(ChangeSet.objects.get(id=move.change_set_id), [entry], at=now)
    if not BlockMove.objects.filter(change_set_id=move.change_set_id, done_at=None).exists():
        end_if_resolved(str(move.old), move.source_id)


@write
def _end(*, move: BlockMove, why: str, actor: Actor) -> None:
    """Note that a step can never be done."""
    BlockMove.objects.filter(id=move.id).update(done_at=timezone.now(), problem=why)
