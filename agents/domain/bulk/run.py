"""Run a bulk plan in batches, each in its own transaction.

Every batch begins by locking the plan, so each batch runs once, even with several workers. A killed worker leaves
complete batches, and the next worker continues after them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from agents.core.actors import Actor
from agents.core.errors import Conflict
from agents.core.json_text import dumps, loads
from agents.core.limits import BULK_AT_ONCE
from agents.domain.agents.set_models import set_models, undo_models
from agents.domain.bulk import at_sources, deleting, source_agents, whole_tag
from agents.domain.bulk.decide import Decision, Outcome, TagRules, Wish, decide, row_wish
from agents.domain.bulk.planning import actor_of_plan, owners_of, plan_next, store_actor, wish_of
from agents.domain.bulk.plans import get_plan, new_plan, require_agents, undos_of
from agents.domain.bulk.retries import UNDER_WAY, UNFINISHED_FILE
from agents.domain.bulk.rights import with_current_rights
from agents.domain.core import record, timing
from agents.domain.core.replica_marks import mark_after_commit
from agents.domain.core.transactions import write
from agents.domain.history.undo import undo_part
from agents.domain.tags import second_owner
from agents.domain.tags.write_many import write_deltas
from agents.domain.webhooks import alerts
from agents.models import (
    FILE_OPS,
    Act,
    Agent,
    BulkBatch,
    BulkOp,
    BulkPlan,
    BulkState,
    ChangeSet,
    Event,
)

_SAME_BATCHES = (
    'INSERT INTO agents_bulkbatch (plan_id, number, items, "left")'
    " SELECT %s, number, items, '[]' FROM agents_bulkbatch WHERE plan_id = %s AND number < %s"
)


@write
def begin(*, plan_id: UUID | str, actor: Actor) -> BulkPlan:
    """Start the run of a plan; `step` does the batches. A second call changes nothing.

    Raises NotFound, NotAllowed, Conflict (nothing to do, or planning has not finished).
    """
    plan = get_plan(plan_id, actor=actor, lock=True)
    if plan.state == BulkState.PLANNING or _is_unplanned(plan):
        raise Conflict("Planning has not finished. Wait, then review the plan.")
    if plan.state != BulkState.PLANNED:
        return plan
    require_agents(plan)
    store_actor(plan, actor)
    plan.problem = ""
    return _begin(plan)


@write
def stop(*, plan_id: UUID | str, actor: Actor) -> BulkPlan:
    """Stop a run after its current batch, or stop its planning. A plan in any other state is left as it is."""
    plan = get_plan(plan_id, actor=actor, lock=True)
    if plan.state in UNDER_WAY:
        plan.state = BulkState.STOPPED
        plan.save(update_fields=["state"])
        alerts.tell_of_bulk(Event.BULK_STOPPED, plan)
    return plan


@write
def resume(*, plan_id: UUID | str, actor: Actor) -> BulkPlan:
    """Continue a stopped run or its planning, with this actor's rights. Raises Conflict if undone."""
    plan = get_plan(plan_id, actor=actor, lock=True)
    if plan.state == BulkState.STOPPED:
        if _undo_of(plan) is not None:
            raise Conflict("This bulk change was undone and cannot continue. Make a new plan.")
        if plan.op in FILE_OPS and _is_unplanned(plan):
            raise Conflict(UNFINISHED_FILE)
        store_actor(plan, actor)
        plan.state = BulkState.PLANNING if _is_unplanned(plan) else BulkState.RUNNING
        plan.problem, plan.beat_at = "", None
        plan.failures, plan.retry_at = None, None
        plan.save()
    return plan


@write
def begin_undo(*, plan_id: UUID | str, actor: Actor) -> BulkPlan:
    """Start a run that undoes everything another run changed. Calling it again returns the same undo run.

    Raises Conflict if the first run is still going or changed nothing.
    """
    plan = get_plan(plan_id, actor=actor, lock=True)
    if (begun := _undo_of(plan)) is not None:
        return begun
    if plan.state == BulkState.RUNNING:
        raise Conflict("This bulk change is still running. Stop it first.")
    if plan.change_set_id is None:
        raise Conflict("This bulk change changed no agent, so there is nothing to undo.")
    whole_tag.release(plan)
    undo = new_plan(actor, op=BulkOp.UNDO, undoes=plan.change_set_id, query=plan.query)
    with connection.cursor() as cursor:  # one statement, however many batches
        cursor.execute(_SAME_BATCHES, [_key(undo), _key(plan), plan.next_batch])
    undo.matched = plan.looked
    undo.planned = dumps({Outcome.CHANGE: plan.changed})
    return _begin(undo)


def is_job(plan: BulkPlan) -> bool:
    """True if the plan is too large for one request."""
    return plan.matched > BULK_AT_ONCE or plan.op in whole_tag.OPS


def seconds_left(plan: BulkPlan) -> int | None:
    """Estimate the seconds until a job ends; None if the plan is not a job or is done."""
    if not is_job(plan) or plan.state == BulkState.DONE:
        return None
    return timing.job_seconds(plan.matched - plan.looked)


def step(plan_id: UUID | str) -> bool:
    """Plan the next agents of a plan, or run its next batch. False if none is left or it was stopped.

    Raises NotAllowed if the actor lost the right to do it.
    """
    if plan_next(plan_id):
        return True
    at_sources.clear_next(plan_id)
    return _run_next(plan_id, source_agents.do_next(plan_id))


@write
def _run_next(plan_id: UUID | str, away: dict[int, str]) -> bool:
    plan = BulkPlan.objects.select_for_update(no_key=True).filter(id=plan_id).first()
    if plan is None or plan.state != BulkState.RUNNING:
        return False
    mark_after_commit(actor_of_plan(plan))
    return _step(plan, away)


def _is_unplanned(plan: BulkPlan) -> bool:
    """True if planning was stopped before it finished."""
    return plan.planned_to is not None


def _key(plan: BulkPlan) -> Any:
    """Return the plan's key as its column stores it."""
    return BulkPlan._meta.pk.get_db_prep_value(plan.pk, connection)


def _undo_of(plan: BulkPlan) -> BulkPlan | None:
    return undos_of([plan]).get(plan.change_set_id)


def _begin(plan: BulkPlan) -> BulkPlan:
    plan.state, plan.started_at, plan.beat_at = BulkState.RUNNING, timezone.now(), None
    plan.save()
    return plan


def _step(plan: BulkPlan, away: dict[int, str]) -> bool:
    """Run the next batch. `away` is what sources did not do of it. The caller has locked the plan."""
    batch = _next_batch(plan)
    plan.beat_at = timezone.now()
    plan.failures, plan.retry_at, plan.problem = None, None, ""
    if batch is None:
        _finish(plan)
        return False
    items = loads(batch.items)
    run = _undo_batch if plan.op == BulkOp.UNDO else _change_batch
    done = run(plan, items, away)
    batch.left = dumps(done.left)
    batch.save(update_fields=["left"])
    plan.next_batch += 1
    plan.looked += len(items)
    plan.changed += done.changed
    plan.change_set_id = done.change_set.id if done.change_set else None
    plan.save()
    return True


def _next_batch(plan: BulkPlan) -> BulkBatch | None:
    if plan.op in whole_tag.OPS:
        return whole_tag.take_batch(plan)
    return plan.batches.filter(number=plan.next_batch).first()


def _finish(plan: BulkPlan) -> None:
    """Finish a plan after its last batch, or stop it if sources have not done all of it."""
    if source_agents.put_off(plan):
        plan.save()
        return
    if plan.op in whole_tag.OPS:
        whole_tag.finish(plan)
    elif plan.op == BulkOp.UNDO:
        whole_tag.finish_undo(plan)
    plan.state, plan.finished_at = BulkState.DONE, plan.beat_at
    plan.save()
    alerts.tell_of_bulk(Event.BULK_FINISHED, plan)


@dataclass(frozen=True, slots=True)
class _Done:
    """The result of a batch: how many agents it changed, and which it did not, with the reason."""

    changed: int
    left: list[list[Any]]
    change_set: ChangeSet | None


def _change_batch(plan: BulkPlan, items: list[Any], away: dict[int, str]) -> _Done:
    actor = with_current_rights(actor_of_plan(plan))
    if plan.op in deleting.OPS:
        gone = deleting.delete_batch(plan, items, actor, _change_set(plan), away)
        return _Done(gone.changed, gone.left, gone.change_set)
    wishes = _wishes(plan, items)
    rules = TagRules(wishes.values(), actor)
    rules.read_carried(wishes)
    rules.lock()
    decisions = decide(wishes, actor=actor, rules=rules, lock=True)
    if plan.op in whole_tag.OPS:
        _require_whole(decisions)
    deltas = [decision.delta for decision in decisions if decision.delta is not None]
    change_set = _change_set(plan)
    for decision in decisions:
        if decision.delta is not None and decision.second_owner:
            second_owner.note(decision.delta.agent)
    if deltas:
        change_set = change_set or record.open_change_set(
            actor=actor, act=_act_of(plan), reason=plan.reason
        )
        if plan.op == BulkOp.MODEL:
            set_models([delta.agent for delta in deltas], wish_of(plan).model, change_set)
        else:
            write_deltas(deltas, change_set)
    left = [[item.seq, item.outcome, item.why] for item in decisions if item.delta is None]
    return _Done(len(deltas), left, change_set)


def _act_of(plan: BulkPlan) -> Act:
    return Act.FIELDS if plan.op == BulkOp.MODEL else Act.TAGS


def _require_whole(decisions: Iterable[Decision]) -> None:
    """Raise Conflict if an agent would keep the tag: a tag is removed from all agents or from none."""
    for decision in decisions:
        if decision.outcome in (Outcome.REFUSED, Outcome.FULL):
            raise Conflict(f"The tag cannot be removed from every agent: {decision.why}")


def _wishes(plan: BulkPlan, items: list[Any]) -> dict[int, Wish]:
    if plan.op in FILE_OPS:
        op, owners = BulkOp(plan.op), owners_of(plan)
        return {seq: row_wish(op, tags, owners) for seq, tags in items}
    return dict.fromkeys(items, wish_of(plan))


def _undo_batch(plan: BulkPlan, items: list[Any], away: dict[int, str]) -> _Done:
    seqs = [item if isinstance(item, int) else item[0] for item in items]
    original = ChangeSet.objects.filter(id=plan.undoes or 0, act=Act.DELETE)
    if original.exists():
        actor = with_current_rights(actor_of_plan(plan))
        back = deleting.restore_batch(plan.undoes or 0, seqs, actor, _change_set(plan), away)
        return _Done(back.changed, back.left, back.change_set)
    agents = dict(Agent.objects.filter(seq__in=seqs).values_list("public_id", "seq"))
    actor, into = with_current_rights(actor_of_plan(plan)), _change_set(plan)
    if _undoes_models(plan):
        change_set, changed, kept = undo_models(plan.undoes or 0, agents, actor, into)
        whys = list(kept.items())
    else:
        undone = undo_part(
            change_set_id=plan.undoes or 0, agent_ids=agents.keys(), actor=actor, into=into
        )
        change_set, changed = undone.change_set, {str(change.agent_id) for change in undone.done}
        whys = [(change.agent_id, change.why) for change in undone.kept]
    left = [[agents[agent_id], Outcome.KEPT, why] for agent_id, why in whys]
    touched = changed | {agent_id for agent_id, _ in whys}
    left += [[seq, Outcome.SAME, ""] for agent, seq in agents.items() if agent not in touched]
    gone = set(seqs) - set(agents.values())
    left += [[seq, Outcome.GONE, "the agent is deleted"] for seq in sorted(gone)]
    return _Done(len(changed), left, change_set)


def _undoes_models(plan: BulkPlan) -> bool:
    return ChangeSet.objects.filter(id=plan.undoes or 0, act=Act.FIELDS).exists()


def _change_set(plan: BulkPlan) -> ChangeSet | None:
    if plan.change_set_id is None:
        return None
    return ChangeSet.objects.get(id=plan.change_set_id)
