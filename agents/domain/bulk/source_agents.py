"""Bulk deletions of agents of sources, and their undo: at the source first, one agent at a time.

Nothing is locked while a source is asked. Each agent is then deleted or restored here in a transaction
of its own, so that a batch finds it done. What a source did not do is left "away", and the run
stops at its end: resuming tries these agents again.
"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.utils import timezone

from agents.core.actors import Actor
from agents.core.errors import Conflict, DomainError, NotFound, SourceUnavailable
from agents.core.json_text import dumps, loads
from agents.core.limits import BULK_BATCH
from agents.domain.agents.write import bury, lock_to_bury
from agents.domain.bulk.decide import Outcome
from agents.domain.bulk.planning import actor_of_plan
from agents.domain.bulk.rights import with_current_rights
from agents.domain.core import permissions, record
from agents.domain.core.transactions import rehearse, write
from agents.domain.sources.deletion.delete import clear
from agents.domain.sources.deletion.restore import restore_there, with_file
from agents.models import (
    Act,
    Agent,
    AgentSource,
    BulkBatch,
    BulkOp,
    BulkPlan,
    BulkState,
    ChangeSet,
    TrashedAgent,
)

_OPS = frozenset({BulkOp.DELETE, BulkOp.UNDO})
_NOT_ASKED = "its source was not asked yet"


def do_next(plan_id: UUID | str) -> dict[int, str]:
    """Delete or restore the agents of sources of the next batch. Returns by seq why some were left."""
    plan = BulkPlan.objects.filter(id=plan_id, state=BulkState.RUNNING, op__in=_OPS).first()
    batch = None if plan is None else plan.batches.filter(number=plan.next_batch).first()
    if plan is None or batch is None:
        return {}
    seqs = [_seq(item) for item in loads(batch.items)]
    if plan.op == BulkOp.DELETE:
        return _delete(plan, seqs)
    undoes = plan.undoes or 0
    if ChangeSet.objects.filter(id=undoes, act=Act.DELETE).exists():
        return _restore(plan, seqs, undoes)
    return {}


def left_at_sources(seqs: list[int], away: dict[int, str]) -> Iterator[list[object]]:
    """The entries of a batch for agents that are still to be done at a source."""
    for seq in seqs:
        yield [seq, Outcome.AWAY, away.get(seq, _NOT_ASKED)]


def put_off(plan: BulkPlan) -> bool:
    """Put the agents that were left "away" into new batches and stop. True if there are any.

    The caller has locked the plan, and saves it.
    """
    if plan.op not in _OPS:
        return False
    todo: list[list[Any]] = []
    for batch in plan.batches.filter(left__contains=f'"{Outcome.AWAY}"').order_by("number"):
        left = loads(batch.left)
        todo += [entry for entry in left if entry[1] == Outcome.AWAY]
        batch.left = dumps([entry for entry in left if entry[1] != Outcome.AWAY])
        gone = {entry[0] for entry in todo}
        batch.items = dumps([item for item in loads(batch.items) if _seq(item) not in gone])
        batch.save(update_fields=["left", "items"])
    if not todo:
        return False
    for number, start in enumerate(range(0, len(todo), BULK_BATCH), plan.next_batch):
        some = todo[start : start + BULK_BATCH]
        items = dumps([entry[0] for entry in some])
        BulkBatch.objects.create(plan=plan, number=number, items=items, left=dumps(some))
    plan.looked -= len(todo)
    plan.state = BulkState.STOPPED
    agents = "1 agent is" if len(todo) == 1 else f"{len(todo):,} agents are"
    plan.problem = f"{agents} not done at their source: {todo[0][2]} Resume to try again."
    return True


def _seq(item: Any) -> int:
    return int(item[0] if isinstance(item, list) else item)


def _delete(plan: BulkPlan, seqs: list[int]) -> dict[int, str]:
    actor = with_current_rights(actor_of_plan(plan))
    rows = Agent.objects.visible_to(actor).filter(seq__in=seqs, source__isnull=False)
    away: dict[int, str] = {}
    down: dict[int, str] = {}
    for agent in rows.select_related("source").order_by("-seq"):
        if agent.source is None or not _beat(plan):
            break
        if (why := down.get(agent.source.id)) is None:
            try:
                _delete_agent(plan, agent.public_id, agent.source, actor)
            except (SourceUnavailable, Conflict) as error:
                why = down[agent.source.id] = error.message
            except DomainError as error:
                why = error.message
        if why is not None:
            away[agent.seq] = why
    return away


def _delete_agent(plan: BulkPlan, agent_id: str, source: AgentSource, actor: Actor) -> None:
    try:
        rehearse(lambda: _bury(plan_id=plan.id, agent_id=agent_id, actor=actor))
        clear(source=source, agent_id=agent_id, actor=actor)
        _bury(plan_id=plan.id, agent_id=agent_id, actor=actor)
    except NotFound:
        return  # the batch says that it is gone


@write
def _bury(*, plan_id: UUID, agent_id: str, actor: Actor) -> None:
    change_set = _change_set_of(plan_id, Act.DELETE, actor)
    locked = lock_to_bury([agent_id], actor)
    if agent_id not in locked:
        raise NotFound("The agent is deleted.")
    permissions.check_delete(actor, locked[agent_id].names)
    bury(list(locked.values()), change_set)


def _restore(plan: BulkPlan, seqs: list[int], undoes: int) -> dict[int, str]:
    actor = with_current_rights(actor_of_plan(plan))
    rows = TrashedAgent.objects.filter(seq__in=seqs, change_set_id=undoes)
    ids = dict(rows.order_by("-seq").values_list("public_id", "seq"))
    away = {}
    for agent_id in sorted(with_file(ids), key=ids.__getitem__, reverse=True):
        if not _beat(plan):
            break
        try:
            restore_there(
                agent_id=agent_id,
                actor=actor,
                into=lambda: _change_set_of(plan.id, Act.RESTORE, actor),
            )
        except DomainError as error:
            away[ids[agent_id]] = error.message
    return away


def _change_set_of(plan_id: UUID, act: Act, actor: Actor) -> ChangeSet:
    """The change-set of a running plan, opened if it has none. Locks the plan."""
    plan = BulkPlan.objects.select_for_update(no_key=True).get(id=plan_id)
    if plan.change_set_id is not None:
        return ChangeSet.objects.get(id=plan.change_set_id)
    change_set = record.open_change_set(actor=actor, act=act, reason=plan.reason)
    BulkPlan.objects.filter(id=plan_id).update(change_set_id=change_set.id)
    return change_set


def _beat(plan: BulkPlan) -> bool:
    """Say that a worker is at it. False if the run was stopped."""
    running = BulkPlan.objects.filter(id=plan.id, state=BulkState.RUNNING)
    return bool(running.update(beat_at=timezone.now()))
