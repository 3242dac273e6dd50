"""Undo: a new change-set that does the inverse, only where the state is still as the change left it."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from django.conf import settings

from agents.actors import Actor, Power
from agents.domain import guard, history
from agents.domain.holds import Held, hold_all
from agents.domain.tags import entries_of
from agents.domain.transactions import write
from agents.errors import NotFound
from agents.models import Act, Agent, AgentTag, Change, ChangeSet, Op, Tag, Tombstone
from agents.tagnames import shown

UNDOABLE = {Act.TAGS, Act.CREATE, Act.IMPORT, Act.FIELDS, Act.UNDO}


@dataclass(frozen=True, slots=True)
class Kept:
    """One change that undo left as it is, and why."""

    agent_id: str
    tag: str
    why: str


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo did and what it left. `change_set` is None where nothing was left to undo."""

    change_set: ChangeSet | None
    done: list[Change]
    kept: list[Kept]


@write
def undo(*, change_set_id: int, actor: Actor, agent_id: str | None = None) -> Undone:
    """Take back the tag changes of a change-set, or only those on one agent.

    What no longer stands as the change left it, and what the actor may not change (protected tags,
    tag limits, a full agent), stays and is listed in `kept`. Raises NotFound (no such change-set,
    or none of it visible to the actor), NotAllowed (no right to write at all).
    """
    actor.require(Power.WRITE, "undo changes")
    # Locked before any tag or agent, so that of two undos the second sees what the first did.
    original = ChangeSet.objects.select_for_update(no_key=True).filter(id=change_set_id).first()
    changes = _tag_changes(original, actor, agent_id) if original else []
    if original is None or not changes:
        raise NotFound("There is no such change to undo.")
    by_agent: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        by_agent[str(change.agent_id)].append(change)
    return _undo_agents(original, by_agent, actor)


def _tag_changes(original: ChangeSet, actor: Actor, agent_id: str | None) -> list[Change]:
    if original.act not in UNDOABLE:
        return []
    changes = original.changes.filter(op__in=[Op.ADD, Op.REMOVE]).order_by("id")
    if agent_id is not None:
        changes = changes.filter(agent_id=agent_id)
    if actor.limit is not None:
        visible = Agent.objects.visible_to(actor).values("public_id")
        changes = changes.filter(agent_id__in=visible)
    return list(changes)


def _undo_agents(original: ChangeSet, by_agent: dict[str, list[Change]], actor: Actor) -> Undone:
    changes = [change for of_agent in by_agent.values() for change in of_agent]
    held_agents = hold_all(
        by_agent,
        actor=actor,
        make={str(change.tag) for change in changes if change.op == Op.REMOVE},
        also={str(change.tag) for change in changes if change.op == Op.ADD},
    )
    last = _last_changes(by_agent, {str(change.tag) for change in changes})
    undone = Undone(None, [], _gone(by_agent.keys() - held_agents.keys(), by_agent, actor))
    for agent_id, held in held_agents.items():
        plan = _plan(held, original, by_agent[agent_id], last)
        undone.kept.extend(plan.kept)
        if plan.done:
            undone = replace(undone, change_set=_apply(held, plan, original, undone.change_set))
            undone.done.extend(plan.done)
    return undone


@dataclass(slots=True)
class _Plan:
    """What undo will do to one agent."""

    add: list[Tag]
    remove: list[Tag]
    done: list[Change]
    kept: list[Kept]


def _plan(
    held: Held,
    original: ChangeSet,
    changes: list[Change],
    last: Mapping[tuple[str, str], Change],
) -> _Plan:
    plan = _Plan([], [], [], [])
    standing = dict(
        AgentTag.objects.filter(agent_id=held.agent.seq).values_list("tag_id", "change_set_id")
    )
    # What is taken off makes room for what is put back.
    for change in sorted(changes, key=lambda change: change.op == Op.REMOVE):
        tag = held.known.get(str(change.tag))
        why = _moved_on(change, tag, standing, last) or _forbidden(held, tag, plan, change)
        if tag is None or why:
            plan.kept.append(Kept(str(change.agent_id), str(change.tag), str(why)))
            continue
        (plan.remove if change.op == Op.ADD else plan.add).append(tag)
        plan.done.append(change)
    return plan


def _moved_on(
    change: Change,
    tag: Tag | None,
    standing: Mapping[int, int],
    last: Mapping[tuple[str, str], Change],
) -> str | None:
    """Who changed it since, or None if it still is as the change left it."""
    latest = last.get((str(change.agent_id), str(change.tag)), change)
    carried_by = standing.get(tag.id) if tag else None
    if change.op == Op.ADD and carried_by == change.change_set_id:
        return None
    if change.op == Op.REMOVE and carried_by is None and latest.id == change.id:
        return None
    if latest.id == change.id:
        return f"tag {shown(str(change.tag))} is no longer as this change left it"
    verb = "added" if latest.op == Op.ADD else "removed"
    by, at = latest.change_set.actor_name, latest.change_set.created_at
    return f"{by} {verb} {shown(str(change.tag))} at {_moment(at)}"


def _forbidden(held: Held, tag: Tag | None, plan: _Plan, change: Change) -> str | None:
    if tag is None:
        return f"there is no tag {shown(str(change.tag))} any more"
    if change.op == Op.ADD:
        return guard.refusal(held.actor, tag, adding=False)
    if len(held.carried) - len(plan.remove) + len(plan.add) >= settings.MAX_TAGS_PER_AGENT:
        return f"the agent has {settings.MAX_TAGS_PER_AGENT:,} tags, the most it may have"
    return guard.refusal(held.actor, tag, adding=True)


def _apply(held: Held, plan: _Plan, original: ChangeSet, new: ChangeSet | None) -> ChangeSet:
    """Write one agent's part into the new change-set, which is begun with the first agent's."""
    at = held.touch()
    if new is None:
        new = history.open_change_set(actor=held.actor, act=Act.UNDO, undoes=original.id, at=at)
    held.write_tags(plan.add, plan.remove, new)
    held.agent.save(update_fields=["tag_count", "user_tag_count", "updated_at", "version"])
    history.record(new, entries_of(held.agent, plan.add, plan.remove))
    return new


def _last_changes(
    agent_ids: Collection[str], tags: Collection[str]
) -> dict[tuple[str, str], Change]:
    """The latest change of each of these tags on each of these agents, read under their locks."""
    changes = Change.objects.filter(
        agent_id__in=agent_ids, tag__in=tags, op__in=[Op.ADD, Op.REMOVE]
    )
    return {
        (str(change.agent_id), str(change.tag)): change
        for change in changes.select_related("change_set").order_by("id")
    }


def _gone(
    agent_ids: Collection[str], by_agent: Mapping[str, list[Change]], actor: Actor
) -> list[Kept]:
    """What is left of changes to agents that are deleted; a limited actor is not told."""
    if actor.limit is not None:
        return []
    stones = Tombstone.objects.filter(public_id__in=agent_ids).in_bulk(field_name="public_id")
    return [
        Kept(agent_id, str(change.tag), _deleted(stones.get(agent_id)))
        for agent_id in sorted(agent_ids)
        for change in by_agent[agent_id]
    ]


def _deleted(stone: Tombstone | None) -> str:
    if stone is None:
        return "the agent is deleted"
    return f"{stone.deleted_by} deleted the agent at {_moment(stone.deleted_at)}"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
