"""Undo: a new change-set that does the inverse, only where the state is still as the change left it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from agents.actors import Actor, Power
from agents.domain import guard, history
from agents.domain.bulkwrite import Delta, write_deltas
from agents.domain.holds import Held, hold_all
from agents.domain.transactions import write
from agents.errors import NotFound
from agents.jsontext import loads
from agents.listing.renames import Renames
from agents.models import Act, Agent, AgentTag, Change, ChangeSet, Op, Tag, Tombstone
from agents.tagnames import shown

UNDOABLE = {
    Act.TAGS,
    Act.CREATE,
    Act.IMPORT,
    Act.FIELDS,
    Act.UNDO,
    Act.MERGE,
    Act.TAG_DELETE,
    Act.OFFBOARD,
}
_ENDING = {Act.MERGE, Act.TAG_DELETE, Act.OFFBOARD}


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
    only = None if agent_id is None else [agent_id]
    changes = _tag_changes(original, actor, only) if original else []
    if original is None or not changes:
        raise NotFound("There is no such change to undo.")
    return _undo_agents(original, changes, actor)


@write
def undo_part(
    *, change_set_id: int, agent_ids: Collection[str], actor: Actor, into: ChangeSet | None
) -> Undone:
    """Undo what a change-set did to these agents, into a change-set that was begun already.

    For undo in batches. Without `into` one is begun. Raises NotAllowed, NotFound (no change-set).
    """
    actor.require(Power.WRITE, "undo changes")
    original = ChangeSet.objects.select_for_update(no_key=True).filter(id=change_set_id).first()
    if original is None:
        raise NotFound("There is no such change to undo.")
    return _undo_agents(original, _tag_changes(original, actor, agent_ids), actor, into)


def _tag_changes(
    original: ChangeSet, actor: Actor, agent_ids: Collection[str] | None
) -> list[Change]:
    if original.act not in UNDOABLE:
        return []
    changes = original.changes.filter(op__in=[Op.ADD, Op.REMOVE]).order_by("id")
    if agent_ids is not None:
        changes = changes.filter(agent_id__in=agent_ids)
    if actor.limit is not None:
        visible = Agent.objects.visible_to(actor).values("public_id")
        changes = changes.filter(agent_id__in=visible)
    return _renamed(changes)


def _renamed(changes: Iterable[Change], renames: Renames | None = None) -> list[Change]:
    """The changes, each with the name that its tag has now: undo means the tag, not its text."""
    rows = list(changes)
    names = renames or Renames({str(change.tag) for change in rows})
    for change in rows:
        change.tag = names.now(str(change.tag), change.id)
    return rows


def _undo_agents(
    original: ChangeSet, changes: Sequence[Change], actor: Actor, into: ChangeSet | None = None
) -> Undone:
    by_agent: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        by_agent[str(change.agent_id)].append(change)
    make = {str(change.tag) for change in changes if change.op == Op.REMOVE}
    ended = _not_there(ended_tags(original), make)
    also = {str(change.tag) for change in changes if change.op == Op.ADD}
    held_agents = hold_all(by_agent, actor=actor, make=make, also=also)
    for held in list(held_agents.values())[:1]:  # all have the same rows
        for name, head in ended.items():
            describe_again(held.known[name], head)
    last = _last_changes(by_agent, {str(change.tag) for change in changes})
    standing = _standing(held_agents.values())
    plans = [
        _plan(held, original, by_agent[agent_id], standing[held.agent.seq], last)
        for agent_id, held in held_agents.items()
    ]
    gone = _gone(by_agent.keys() - held_agents.keys(), by_agent, actor)
    kept = [*gone, *(kept for plan in plans for kept in plan.kept)]
    done = [change for plan in plans for change in plan.done]
    if not done:
        return Undone(into, [], kept)
    new = into or history.open_change_set(actor=actor, act=Act.UNDO, undoes=original.id)
    write_deltas([plan.delta for plan in plans if plan.done], new)
    return Undone(new, done, kept)


def ended_tags(original: ChangeSet) -> list[Change]:
    """What a change-set says of the tags that it ended."""
    if original.act not in _ENDING:
        return []
    ended = original.changes.filter(op__in=[Op.MERGE, Op.DELETE])
    return list(ended.filter(agent_id=None, tag__isnull=False))


def describe_again(tag: Tag, head: Change) -> None:
    """Say of a tag that was just made again what was said of it when it ended."""
    for name, value in loads(str(head.old)).items():
        setattr(tag, name, value)
    tag.save()


def _not_there(heads: Sequence[Change], make: Collection[str]) -> dict[str, Change]:
    """Those of the ended tags that are to be made again and are not there, by their names now."""
    if not heads:
        return {}
    now = {str(change.tag): change for change in _renamed(heads)}
    there = set(Tag.objects.filter(name__in=now).values_list("name", flat=True))
    return {name: head for name, head in now.items() if name in make and name not in there}


def _standing(held_agents: Iterable[Held]) -> dict[int, dict[int, int]]:
    """By agent and tag, the change-set that put the tag on."""
    standing: dict[int, dict[int, int]] = defaultdict(dict)
    rows = AgentTag.objects.filter(agent_id__in=[held.agent.seq for held in held_agents])
    for seq, tag_id, change_set_id in rows.values_list("agent_id", "tag_id", "change_set_id"):
        standing[seq][tag_id] = change_set_id
    return standing


@dataclass(slots=True)
class _Plan:
    """What undo will do to one agent."""

    delta: Delta
    done: list[Change]
    kept: list[Kept]


def _plan(
    held: Held,
    original: ChangeSet,
    changes: list[Change],
    standing: Mapping[int, int],
    last: Mapping[tuple[str, str], Change],
) -> _Plan:
    plan = _Plan(Delta(held.agent), [], [])
    # What is taken off makes room for what is put back.
    for change in sorted(changes, key=lambda change: change.op == Op.REMOVE):
        tag = held.known.get(str(change.tag))
        why = _moved_on(change, tag, standing, last) or _forbidden(held, tag, plan, change)
        if tag in (*plan.delta.add, *plan.delta.remove):
            # Of two tags one was deleted and the other renamed to its name.
            why = f"another tag is called {shown(str(change.tag))} now"
        if tag is None or why:
            plan.kept.append(Kept(str(change.agent_id), str(change.tag), str(why)))
            continue
        (plan.delta.remove if change.op == Op.ADD else plan.delta.add).append(tag)
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
    count = len(held.carried) - len(plan.delta.remove) + len(plan.delta.add)
    if count >= settings.MAX_TAGS_PER_AGENT:
        return f"the agent has {settings.MAX_TAGS_PER_AGENT:,} tags, the most it may have"
    return guard.refusal(held.actor, tag, adding=True)


def _last_changes(
    agent_ids: Collection[str], tags: Collection[str]
) -> dict[tuple[str, str], Change]:
    """The latest change of each of these tags on each of these agents, read under their locks."""
    renames = Renames(tags)
    changes = Change.objects.filter(
        agent_id__in=agent_ids, tag__in=renames.names, op__in=[Op.ADD, Op.REMOVE]
    )
    return {
        (str(change.agent_id), str(change.tag)): change
        for change in _renamed(changes.select_related("change_set").order_by("id"), renames)
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
