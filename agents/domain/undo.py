"""Undo: a new change-set that does the inverse, only where the state is still as the change left it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from agents.actors import Actor, Power
from agents.domain import history
from agents.domain.holds import Held, hold
from agents.domain.tags import entries_of
from agents.domain.transactions import write
from agents.errors import NotFound
from agents.models import Act, Agent, AgentTag, Change, ChangeSet, Op, Tag
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

    What no longer stands as the change left it is listed in `kept`. Raises NotFound (no such
    change-set, or none of it visible to the actor), NotAllowed (protected tags, tag limits; then
    nothing is done).
    """
    actor.require(Power.WRITE, "undo changes")
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
    done: list[Change] = []
    kept: list[Kept] = []
    new: ChangeSet | None = None
    # Agents in one order, so that two undos of overlapping change-sets wait and do not deadlock.
    for agent_id in sorted(by_agent):
        changes = by_agent[agent_id]
        names = [str(change.tag) for change in changes]
        try:
            held = hold(agent_id, actor=actor, make=names)
        except NotFound:
            kept += [Kept(agent_id, name, "the agent is deleted") for name in names]
            continue
        add, remove, ours = _inverse(held, original, changes, kept)
        if not ours:
            continue
        if new is None:
            new = history.open_change_set(actor=actor, act=Act.UNDO, undoes=original.id)
        held.touch()
        held.write_tags(add, remove, new)
        held.agent.save(update_fields=["tag_count", "user_tag_count", "updated_at", "version"])
        history.record(new, entries_of(held.agent, add, remove))
        done += ours
    return Undone(new, done, kept)


def _inverse(
    held: Held, original: ChangeSet, changes: Sequence[Change], kept: list[Kept]
) -> tuple[list[Tag], list[Tag], list[Change]]:
    """The delta that takes the changes back where they still stand; the others go to `kept`."""
    standing = dict(
        AgentTag.objects.filter(agent_id=held.agent.seq).values_list("tag_id", "change_set_id")
    )
    add: list[str] = []
    remove: list[str] = []
    ours: list[Change] = []
    for change in changes:
        tag = held.known[str(change.tag)]
        if change.op == Op.ADD:
            stands = standing.get(tag.id) == original.id
            remove += [tag.name] if stands else []
        else:
            stands = tag.id not in standing and _last(change) == original.id
            add += [tag.name] if stands else []
        if stands:
            ours.append(change)
        else:
            kept.append(Kept(str(change.agent_id), tag.name, _why(change)))
    return *held.delta(add, remove), ours


def _last(change: Change) -> int | None:
    """The change-set that last touched this tag on this agent."""
    return _later(change).values_list("change_set_id", flat=True).first()


def _why(change: Change) -> str:
    later = _later(change).exclude(change_set_id=change.change_set_id)
    last = later.select_related("change_set").first()
    if last is None:
        return "nothing to undo"
    by, at = last.change_set.actor_name, last.change_set.created_at
    verb = "added" if last.op == Op.ADD else "removed"
    return f"{by} {verb} {shown(str(last.tag))} at {at:%Y-%m-%d %H:%M} UTC"


def _later(change: Change) -> QuerySet[Change]:
    return Change.objects.filter(
        agent_id=change.agent_id, tag=change.tag, op__in=[Op.ADD, Op.REMOVE]
    ).order_by("-id")
