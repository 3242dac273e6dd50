"""The end of a tag: merged into another, or deleted from every agent."""

from typing import Any

from agents.actors import Actor
from agents.domain import followers, history, keys, plans, tagrows, wide
from agents.domain.directory import TagResult
from agents.domain.history import Entry
from agents.domain.search import TAG_INDEX, forget_rows
from agents.domain.transactions import Moved, write
from agents.jsontext import dumps
from agents.models import Act, AgentTag, ChangeSet, Op, Tag

_MOVE = (
    "SELECT s.agent_id, %s, 1 FROM agents_agenttag s WHERE s.tag_id = %s AND NOT EXISTS"
    " (SELECT 1 FROM agents_agenttag t WHERE t.tag_id = %s AND t.agent_id = s.agent_id)"
)
# What undo makes a tag again with.
FACTS = ("description", "colour", "protected", "protected_by_hand")


@write
def merge_tags(
    *,
    source: str,
    target: str,
    actor: Actor,
    fingerprint: str | None = None,
    reason: str = "",
) -> TagResult:
    """Make every agent that carries `source` carry `target` instead, and end `source`.

    One change-set with the changes of each agent. Saved views follow, and so do API keys that are
    limited to the source or have it in their list: these come to see or write the target's agents,
    so where there are such it takes an admin. Raises NotFound, NotAllowed, Invalid, PlanChanged.
    """
    plans.plan_merge(source=source, target=target, actor=actor)
    rows = tagrows.lock([source, target])
    if rows.keys() != {source, target}:
        raise Moved
    plan = plans.merge_of(rows[source], rows[target])
    plans.require_unchanged(plan, fingerprint)
    plans.require_rights(plan, actor)
    change_set = history.open_change_set(actor=actor, act=Act.MERGE, reason=reason)
    history.record(change_set, [end_entry(Op.MERGE, rows[source], target)])
    history.record(change_set, followers.follow(old=source, new=target, told=source))
    empty(rows[source], rows[target], change_set)
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
    """Take a tag off every agent and out of the directory; keys limited to it are disabled.

    One change-set with the changes of each agent. Raises NotFound, NotAllowed, PlanChanged.
    """
    plans.plan_delete(name=name, actor=actor)
    tag = tagrows.lock([name]).get(name)
    if tag is None:
        raise Moved
    plan = plans.delete_of(tag)
    plans.require_unchanged(plan, fingerprint)
    change_set = history.open_change_set(actor=actor, act=act, reason=reason)
    history.record(change_set, [end_entry(Op.DELETE, tag, None)])
    keys.disable_limited_to(tag=name, actor=actor)
    empty(tag, None, change_set)
    return TagResult(change_set, plan)


def end_entry(op: Op, tag: Tag, target: str | None) -> Entry:
    """What history says of a tag that ends, so that undo can make it again."""
    facts: dict[str, Any] = {name: getattr(tag, name) for name in FACTS}
    return Entry(op, tag=tag.name, old=dumps(facts), new=target)


def empty(tag: Tag, into: Tag | None, change_set: ChangeSet) -> None:
    """Take the tag off all agents, put the other on instead, and delete its row."""
    with wide.delta():
        if into is not None:
            wide.gather(_MOVE, [into.id, tag.id, into.id])
        wide.carriers(tag, adds=False)
        wide.apply(change_set, {row.id: row for row in (tag, into) if row is not None})
    if AgentTag.objects.filter(tag=tag).exists():
        raise AssertionError("a tag under lock gained an agent")
    forget_rows(TAG_INDEX, [tag.id])
    Tag.objects.filter(id=tag.id)._raw_delete(using="default")
