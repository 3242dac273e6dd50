"""The run of a bulk plan, batch by batch, each a transaction.

Every batch begins by locking the plan, so that whoever runs it, however many, does each batch once.
What a killed runner leaves is whole batches; the next one goes on from there.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from agents.actors import Actor
from agents.domain import history
from agents.domain.bulk import get_plan, new_plan, require_agents, undos_of
from agents.domain.bulkdecide import Outcome, Rules, Wish, decide
from agents.domain.bulkplan import actor_of_plan, keep_actor, plan_on, wish_of
from agents.domain.bulkwrite import write_deltas
from agents.domain.marks import mark_after_commit
from agents.domain.standing import standing
from agents.domain.transactions import write
from agents.domain.undo import undo_part
from agents.errors import Conflict
from agents.jsontext import dumps, loads
from agents.limits import BULK_AT_ONCE
from agents.models import Act, Agent, BulkOp, BulkPlan, BulkState, ChangeSet

# Agents a second that a worker of its own changes, measured on two busy cores.
_PER_SECOND = {"postgresql": 1_500, "sqlite": 500}
# A run that has not done a batch for so long has lost its runner.
LOST = timedelta(seconds=10)
# States in which a worker has something to do.
UNDER_WAY = (BulkState.PLANNING, BulkState.RUNNING)
_SAME_BATCHES = (
    'INSERT INTO agents_bulkbatch (plan_id, number, items, "left")'
    " SELECT %s, number, items, '[]' FROM agents_bulkbatch WHERE plan_id = %s AND number < %s"
)


@write
def begin(*, plan_id: UUID | str, actor: Actor) -> BulkPlan:
    """Let a plan run: `step` does it. A second call changes nothing.

    Raises NotFound, NotAllowed, Conflict (nothing to do, or still being planned).
    """
    plan = get_plan(plan_id, actor=actor, lock=True)
    if plan.state == BulkState.PLANNING or _is_unplanned(plan):
        raise Conflict("It is not planned to its end yet: wait for that, and look at the plan.")
    if plan.state != BulkState.PLANNED:
        return plan
    require_agents(plan)
    keep_actor(plan, actor)
    plan.problem = ""
    return _begin(plan)


@write
def stop(*, plan_id: UUID | str, actor: Actor) -> BulkPlan:
    """Stop a run after the batch that it is at, or the planning; all else stays as it is."""
    plan = get_plan(plan_id, actor=actor, lock=True)
    if plan.state in UNDER_WAY:
        plan.state = BulkState.STOPPED
        plan.save(update_fields=["state"])
    return plan


@write
def resume(*, plan_id: UUID | str, actor: Actor) -> BulkPlan:
    """Let a stopped run, or its planning, go on by whoever asks. Raises Conflict once it is undone."""
    plan = get_plan(plan_id, actor=actor, lock=True)
    if plan.state == BulkState.STOPPED:
        if _undo_of(plan) is not None:
            raise Conflict("This bulk change was undone, so it does not go on. Plan it anew.")
        keep_actor(plan, actor)
        plan.state = BulkState.PLANNING if _is_unplanned(plan) else BulkState.RUNNING
        plan.problem, plan.beat_at = "", None
        plan.save()
    return plan


@write
def begin_undo(*, plan_id: UUID | str, actor: Actor) -> BulkPlan:
    """Undo all that a run changed, as a run of its own; called again, it gives the same one.

    Raises Conflict while it runs, or where it changed nothing.
    """
    plan = get_plan(plan_id, actor=actor, lock=True)
    if (begun := _undo_of(plan)) is not None:
        return begun
    if plan.state == BulkState.RUNNING:
        raise Conflict("It is still running: stop it first.")
    if plan.change_set_id is None:
        raise Conflict("It changed nothing, so there is nothing to undo.")
    undo = new_plan(actor, op=BulkOp.UNDO, undoes=plan.change_set_id, query=plan.query)
    with connection.cursor() as cursor:  # one statement, however many batches
        cursor.execute(_SAME_BATCHES, [_key(undo), _key(plan), plan.next_batch])
    undo.matched = plan.looked
    undo.planned = dumps({Outcome.CHANGE: plan.changed})
    return _begin(undo)


def is_job(plan: BulkPlan) -> bool:
    """True if it is too large to be done in one request."""
    return plan.matched > BULK_AT_ONCE


def seconds_left(plan: BulkPlan) -> int | None:
    """About how long what is left of a job takes; None where it is not one, or is over."""
    if not is_job(plan) or plan.state == BulkState.DONE:
        return None
    return max(1, round((plan.matched - plan.looked) / _PER_SECOND[connection.vendor]))


def is_lost(plan: BulkPlan) -> bool:
    """True if it is to run and nobody has run it for a while."""
    last = plan.beat_at or plan.started_at or plan.created_at
    return plan.state in UNDER_WAY and last < timezone.now() - LOST


def step(plan_id: UUID | str) -> bool:
    """Plan some more agents of a plan, or do the next batch of a run; False if there is none, or it
    was stopped. Raises NotAllowed where who asked for it may no longer do it."""
    return plan_on(plan_id) or _run_on(plan_id)


@write
def _run_on(plan_id: UUID | str) -> bool:
    plan = BulkPlan.objects.select_for_update(no_key=True).filter(id=plan_id).first()
    if plan is None or plan.state != BulkState.RUNNING:
        return False
    mark_after_commit(actor_of_plan(plan))
    return _step(plan)


@write
def give_up(plan_id: UUID | str, problem: str) -> None:
    """Stop a run, or a planning, that cannot go on, and say why."""
    BulkPlan.objects.filter(id=plan_id, state__in=UNDER_WAY).update(
        state=BulkState.STOPPED, problem=problem
    )


@write
def stop_all(*, problem: str) -> int:
    """Stop every run, and drop the plans that were being made: nobody is at them. How many ran.

    For a database that was restored: the tasks of its time are not there.
    """
    BulkPlan.objects.filter(state=BulkState.PLANNING).delete()
    running = BulkPlan.objects.filter(state=BulkState.RUNNING)
    return running.update(state=BulkState.STOPPED, problem=problem)


def _is_unplanned(plan: BulkPlan) -> bool:
    """True if it was stopped before it was planned to its end."""
    return plan.planned_to is not None


def _key(plan: BulkPlan) -> Any:
    """The plan's key as its column holds it."""
    return BulkPlan._meta.pk.get_db_prep_value(plan.pk, connection)


def _undo_of(plan: BulkPlan) -> BulkPlan | None:
    return undos_of([plan]).get(plan.change_set_id)


def _begin(plan: BulkPlan) -> BulkPlan:
    plan.state, plan.started_at, plan.beat_at = BulkState.RUNNING, timezone.now(), None
    plan.save()
    return plan


def _step(plan: BulkPlan) -> bool:
    """Do the next batch; the caller holds the plan."""
    batch = plan.batches.filter(number=plan.next_batch).first()
    plan.beat_at = timezone.now()
    if batch is None:
        plan.state, plan.finished_at = BulkState.DONE, plan.beat_at
        plan.save()
        return False
    items = loads(batch.items)
    done = _undo_batch(plan, items) if plan.op == BulkOp.UNDO else _change_batch(plan, items)
    batch.left = dumps(done.left)
    batch.save(update_fields=["left"])
    plan.next_batch += 1
    plan.looked += len(items)
    plan.changed += done.changed
    plan.change_set_id = done.change_set.id if done.change_set else None
    plan.save()
    return True


@dataclass(frozen=True, slots=True)
class _Done:
    """What a batch came to: agents changed, and those left with the reason."""

    changed: int
    left: list[list[Any]]
    change_set: ChangeSet | None


def _change_batch(plan: BulkPlan, items: list[Any]) -> _Done:
    actor = standing(actor_of_plan(plan))
    wishes = _wishes(plan, items)
    rules = Rules(wishes.values(), actor)
    rules.lock()
    decisions = decide(wishes, actor=actor, rules=rules, lock=True)
    deltas = [one.delta for one in decisions if one.delta is not None]
    change_set = _change_set(plan)
    if deltas:
        change_set = change_set or history.open_change_set(
            actor=actor, act=Act.TAGS, reason=plan.reason
        )
        write_deltas(deltas, change_set)
    left = [[one.seq, one.outcome, one.why] for one in decisions if one.delta is None]
    return _Done(len(deltas), left, change_set)


def _wishes(plan: BulkPlan, items: list[Any]) -> dict[int, Wish]:
    if plan.op == BulkOp.ROWS:
        return {seq: Wish(tuple(tags)) for seq, tags in items}
    return dict.fromkeys(items, wish_of(plan))


def _undo_batch(plan: BulkPlan, items: list[Any]) -> _Done:
    seqs = [item if isinstance(item, int) else item[0] for item in items]
    agents = dict(Agent.objects.filter(seq__in=seqs).values_list("public_id", "seq"))
    undone = undo_part(
        change_set_id=plan.undoes or 0,
        agent_ids=agents.keys(),
        actor=standing(actor_of_plan(plan)),
        into=_change_set(plan),
    )
    changed = {str(change.agent_id) for change in undone.done}
    left = [[agents[kept.agent_id], Outcome.KEPT, kept.why] for kept in undone.kept]
    touched = changed | {kept.agent_id for kept in undone.kept}
    left += [[seq, Outcome.SAME, ""] for one, seq in agents.items() if one not in touched]
    gone = set(seqs) - set(agents.values())
    left += [[seq, Outcome.GONE, "the agent is deleted"] for seq in sorted(gone)]
    return _Done(len(changed), left, undone.change_set)


def _change_set(plan: BulkPlan) -> ChangeSet | None:
    if plan.change_set_id is None:
        return None
    return ChangeSet.objects.get(id=plan.change_set_id)
