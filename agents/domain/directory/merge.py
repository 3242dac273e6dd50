"""Merge a tag into another, or delete it from every agent."""

from typing import Any

from django.utils import timezone

from agents.core.actors import Actor
from agents.core.json_text import dumps
from agents.domain import keys
from agents.domain.core import record
from agents.domain.core.closed_tags import require_open
from agents.domain.core.record import Entry
from agents.domain.core.search_index import TAG_INDEX, forget_rows
from agents.domain.core.transactions import RowsChanged, write
from agents.domain.directory import followers, plans
from agents.domain.directory.plans import TagPlan
from agents.domain.directory.rename import TagResult
from agents.domain.tags import second_owner, tag_rows, write_all
from agents.models import Act, AgentTag, ChangeSet, Op, Tag

_MOVE = (
    "SELECT s.agent_id, %s, 1 FROM agents_agenttag s WHERE s.tag_id = %s AND NOT EXISTS"
    " (SELECT 1 FROM agents_agenttag t WHERE t.tag_id = %s AND t.agent_id = s.agent_id)"
)
# The columns that undo restores.
FACTS = ("description", "display_name", "colour", "protected", "protected_by_hand", "user_by_hand")


@write
def merge_tags(
    *,
    source: str,
    target: str,
    actor: Actor,
    fingerprint: str | None = None,
    reason: str = "",
) -> TagResult:
    """Replace `source` with `target` on every agent, and delete `source`.

    This is one change-set with the changes of each agent. Saved views are updated, and so are API keys
    that are limited to the source or have it among their patterns. Such keys gain access to the target's agents, so only an admin may merge this tag. Raises NotFound, NotAllowed, Invalid, PlanChanged.
    """
    plan, tag, into = lock_merge(source, target, actor, fingerprint)
    change_set = record.open_change_set(actor=actor, act=Act.MERGE, reason=reason)
    record.record(change_set, [end_entry(Op.MERGE, tag, into.name)], at=timezone.now())
    empty(tag, into, change_set)
    _follow(tag, into, change_set)
    return TagResult(change_set, plan)


@write
def delete_tag(
    *,
    name: str,
    actor: Actor,
    fingerprint: str | None = None,
    reason: str = "",
    act: Act = Act.TAG_DELETE,
) -> TagResult:
    """Delete a tag and remove it from every agent. Keys and members limited to it are disabled.

    This is one change-set with the changes of each agent. Raises NotFound, NotAllowed, PlanChanged.
    """
    plan, tag = lock_delete(name, actor, fingerprint)
    change_set = record.open_change_set(actor=actor, act=act, reason=reason)
    record.record(change_set, [end_entry(Op.DELETE, tag, None)], at=timezone.now())
    empty(tag, None, change_set)
    lose(tag, change_set, actor)
    return TagResult(change_set, plan)


def lock_merge(
    source: str, target: str, actor: Actor, fingerprint: str | None
) -> tuple[TagPlan, Tag, Tag]:
    """Lock both tags, and check that the plan is up to date and that the actor may carry it out."""
    plans.plan_merge(source=source, target=target, actor=actor)
    rows = tag_rows.lock([source, target])
    if rows.keys() != {source, target}:
        raise RowsChanged
    plan = plans.merge_of(rows[source], rows[target])
    plans.require_unchanged(plan, fingerprint)
    plans.require_rights(plan, actor)
    require_open([target], field="target")
    second_owner.check_many(plan.second_owners, of=(source, target))
    return plan, rows[source], rows[target]


def lock_delete(name: str, actor: Actor, fingerprint: str | None) -> tuple[TagPlan, Tag]:
    """Lock a tag, and check that the plan is up to date and that the actor may carry it out."""
    plans.plan_delete(name=name, actor=actor)
    tag = tag_rows.lock([name]).get(name)
    if tag is None:
        raise RowsChanged
    plan = plans.delete_of(tag)
    plans.require_unchanged(plan, fingerprint)
    return plan, tag


def record_merge(tag: Tag, into: Tag, change_set: ChangeSet) -> None:
    """Record a merge, and update what refers to the merged tag."""
    record.record(change_set, [end_entry(Op.MERGE, tag, into.name)], at=timezone.now())
    _follow(tag, into, change_set)


def _follow(tag: Tag, into: Tag, change_set: ChangeSet) -> None:
    """Update what refers to the merged tag. Call it after the agents are written, because keys are locked last."""
    entries = followers.follow(old=tag.name, new=into.name, recorded_as=tag.name, merge=change_set)
    record.record(change_set, entries, at=timezone.now())


def record_delete(tag: Tag, change_set: ChangeSet, actor: Actor) -> None:
    """Record a deletion, and disable the keys and members limited to the tag."""
    record.record(change_set, [end_entry(Op.DELETE, tag, None)], at=timezone.now())
    lose(tag, change_set, actor)


def lose(tag: Tag, change_set: ChangeSet, actor: Actor) -> None:
    """Remove a tag from the reach of keys and members. Call it after the agents are written, because keys are locked last."""
    entries = keys.lose_tag(tag=tag.name, actor=actor)
    record.record(change_set, entries, at=timezone.now())


def end_entry(op: Op, tag: Tag, target: str | None) -> Entry:
    """Return the history of a merged or deleted tag, with what undo needs to recreate it."""
    facts: dict[str, Any] = {name: getattr(tag, name) for name in FACTS}
    return Entry(op, tag=tag.name, old=dumps(facts), new=target)


def empty(tag: Tag, into: Tag | None, change_set: ChangeSet) -> None:
    """Replace `tag` with `into` on every agent, or only remove it if `into` is None; then delete its row."""
    with write_all.delta():
        if into is not None:
            write_all.gather(_MOVE, [into.id, tag.id, into.id])
        write_all.gather_carriers(tag, adds=False)
        write_all.apply(change_set, {row.id: row for row in (tag, into) if row is not None})
    if AgentTag.objects.filter(tag=tag).exists():
        raise AssertionError("an agent gained a locked tag")
    remove_row(tag)


def remove_row(tag: Tag) -> None:
    """Delete the row of a locked tag that no agent carries."""
    forget_rows(TAG_INDEX, [tag.id])
    Tag.objects.filter(id=tag.id)._raw_delete(using="default")
