"""Merge, delete or off-board a tag that very many agents carry, as a bulk change.

The batches are not planned: each takes the next agents that carry the tag. From the start of the run
the tag cannot be added to agents, so their number only falls. Keys limited to a deleted tag end
before the first batch. Keys, tag lists and saved views follow a merge in its last step, which also
removes the tag. `run` runs the batches.
"""

from typing import Any

from django.db.models import Count
from django.utils import timezone

from agents.core.actors import Actor, Power
from agents.core.errors import NotAllowed
from agents.core.json_text import dumps, loads
from agents.core.limits import BULK_BATCH, BULK_BATCH_DELETES, BULK_BATCH_GONE, BULK_BATCH_PAIRS
from agents.domain.agents import trash
from agents.domain.bulk.decide import Outcome
from agents.domain.bulk.planning import actor_of_plan
from agents.domain.bulk.plans import new_plan
from agents.domain.bulk.rights import with_current_rights
from agents.domain.core import record
from agents.domain.core.record import Entry
from agents.domain.core.transactions import RowsChanged, write
from agents.domain.directory import followers, merge
from agents.domain.directory.impact import in_few, of_merge
from agents.domain.directory.plans import TagPlan
from agents.domain.history.undo import make_again
from agents.domain.tags import tag_rows
from agents.domain.users import OffboardChanged, OffboardMode, offboard_plan_of
from agents.models import (
    Act,
    Agent,
    AgentBlock,
    AgentTag,
    BulkBatch,
    BulkOp,
    BulkPlan,
    BulkState,
    ChangeSet,
    Op,
    Tag,
)

_ACTS = {
    BulkOp.MERGE: Act.MERGE,
    BulkOp.TAG_DELETE: Act.TAG_DELETE,
    BulkOp.OFFBOARD: Act.OFFBOARD,
    BulkOp.OFFBOARD_AGENTS: Act.OFFBOARD,
}
OPS = frozenset(_ACTS)
_BLOCK = 5  # deleting a memory block takes as long as removing five tags


@write
def begin_merge(
    *,
    source: str,
    target: str,
    actor: Actor,
    fingerprint: str | None = None,
    reason: str = "",
) -> BulkPlan:
    """Start replacing `source` by `target` on every agent. Raises as `merge.merge_tags`."""
    plan, _, _ = merge.lock_merge(source, target, actor, fingerprint)
    return _begin(BulkOp.MERGE, plan, actor, reason)


@write
def begin_delete(
    *, name: str, actor: Actor, fingerprint: str | None = None, reason: str = ""
) -> BulkPlan:
    """Start removing a tag from every agent. Raises as `merge.delete_tag`."""
    plan, _ = merge.lock_delete(name, actor, fingerprint)
    return _begin(BulkOp.TAG_DELETE, plan, actor, reason)


@write
def begin_offboard(
    *,
    name: str,
    how: OffboardMode,
    actor: Actor,
    fingerprint: str | None = None,
    reason: str = "",
) -> BulkPlan:
    """Start off-boarding a user whose agents stay without the tag, or are deleted. Raises as `users.offboard`."""
    plan, _ = merge.lock_delete(name, actor, None)
    whole = offboard_plan_of(plan, how)
    if fingerprint is not None and fingerprint != whole.fingerprint:
        raise OffboardChanged(whole)
    op = BulkOp.OFFBOARD_AGENTS if how is OffboardMode.AGENTS else BulkOp.OFFBOARD
    return _begin(op, plan, actor, reason)


def _begin(op: BulkOp, plan: TagPlan, actor: Actor, reason: str) -> BulkPlan:
    """Close the tag for new agents and start the run. The caller has locked the tag."""
    change_set = record.open_change_set(actor=actor, act=_ACTS[op], reason=reason)
    if op != BulkOp.MERGE:
        merge.lose(plan.tag, change_set, actor)
    job = new_plan(
        actor,
        op=op,
        add=dumps([] if plan.target is None else [plan.target]),
        remove=dumps([plan.name]),
        reason=reason,
        matched=plan.agents,
        planned=dumps({Outcome.CHANGE: plan.agents}),
        change_set_id=change_set.id,
        state=BulkState.RUNNING,
        started_at=timezone.now(),
    )
    Tag.objects.filter(id=plan.tag.id).update(ends_in=job.id)
    return job


def take_batch(plan: BulkPlan) -> BulkBatch | None:
    """Make a batch of the next agents that carry the tag, newest first; None if no agent does.

    The caller has locked the plan, and saves it.
    """
    seqs = next_agents(plan)
    if not seqs:
        return None
    plan.taken_to = seqs[-1]
    plan.matched = max(plan.matched, plan.looked + len(seqs))
    return BulkBatch.objects.create(plan=plan, number=plan.next_batch, items=dumps(seqs))


def next_agents(plan: BulkPlan) -> list[int]:
    """The agents of the next batch, newest first."""
    rows = AgentTag.objects.filter(tag_id__in=_ids(plan)).order_by("-agent_id")
    further = rows if plan.taken_to is None else rows.filter(agent_id__lt=plan.taken_to)
    # Then from the start again: an undo may have added the tag to an agent before the tag was closed.
    seqs = _batch_of(further) or (_batch_of(rows) if plan.taken_to is not None else [])
    return _quick(seqs[:BULK_BATCH_GONE]) if plan.op == BulkOp.OFFBOARD_AGENTS else seqs


def _quick(seqs: list[int]) -> list[int]:
    """The first of these agents, as many as one transaction deletes quickly: by tags, memory and sources."""
    links = AgentBlock.objects.filter(agent__in=seqs).order_by().values_list("agent_id")
    blocks = dict(links.annotate(number=Count("block_id")))
    rows = Agent.objects.filter(seq__in=seqs).values_list("seq", "tag_count", "source_id")
    known = {seq: (tags, source) for seq, tags, source in rows}
    pairs = at_sources = 0
    for place, seq in enumerate(seqs):
        tags, source = known.get(seq, (0, None))
        pairs += tags + _BLOCK * blocks.get(seq, 0)
        at_sources += source is not None
        if place and (pairs > BULK_BATCH_PAIRS or at_sources > BULK_BATCH_DELETES):
            return seqs[:place]
    return seqs


def _ids(plan: BulkPlan) -> list[int]:
    return list(Tag.objects.filter(ends_in=plan.id).values_list("id", flat=True))


def _batch_of(rows: Any) -> list[int]:
    return list(rows.values_list("agent_id", flat=True)[:BULK_BATCH])


def finish(plan: BulkPlan) -> None:
    """Remove the tag that no agent carries any more, and move the keys and views that name it.

    The caller has locked the plan. Raises NotAllowed if keys would gain access and the actor is not
    an admin.
    """
    actor = with_current_rights(actor_of_plan(plan))
    names = [*loads(plan.remove), *loads(plan.add)]
    rows = tag_rows.lock(names)
    tag = rows.get(names[0])
    if tag is None or tag.ends_in != plan.id:
        return  # the change was undone
    if AgentTag.objects.filter(tag=tag).exists():
        raise RowsChanged
    change_set = ChangeSet.objects.get(id=plan.change_set_id or 0)
    if plan.op == BulkOp.MERGE:
        into = rows[names[1]]
        if (wider := of_merge(tag, into).wider) and not actor.can(Power.ADMIN):
            raise NotAllowed(
                f"API keys would gain access to other agents ({in_few(wider)}). Ask an admin to "
                "resume this, or disable those keys first."
            )
        merge.record_merge(tag, into, change_set)
    else:
        merge.record_delete(tag, change_set, actor)
        if plan.op == BulkOp.OFFBOARD_AGENTS:
            trash.purge_user(tag.name)
    merge.remove_row(tag)


def release(plan: BulkPlan) -> None:
    """Open the tag for agents again, because its change is undone."""
    names = loads(plan.remove)
    if plan.op in OPS and names[0] in tag_rows.lock(names):
        Tag.objects.filter(ends_in=plan.id).update(ends_in=None)


def finish_undo(undo: BulkPlan) -> None:
    """Do the last step of an undo: recreate the tag if needed, and move back what names it.

    Stores in the plan what could not be moved back. The caller has locked the plan, and saves it.
    """
    original = ChangeSet.objects.filter(id=undo.undoes or 0).first()
    if original is None or original.act not in _ACTS.values():
        return
    actor = with_current_rights(actor_of_plan(undo))
    made = make_again(original)
    moved, kept = followers.move_back(original, actor=actor)
    undo.problem = "; ".join(left.why for left in kept)
    entries = [*(Entry(Op.CREATE, tag=name) for name in made), *moved]
    if not entries:
        return
    change_set = ChangeSet.objects.filter(id=undo.change_set_id or 0).first()
    if change_set is None:
        change_set = record.open_change_set(actor=actor, act=Act.UNDO, undoes=original.id)
        undo.change_set_id = change_set.id
    record.record(change_set, entries, at=timezone.now())
