"""Undo tag changes by a new change-set, wherever the agent's tags are still as the change left them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Value
from django.db.models.functions import Coalesce

from agents.core.actors import Actor, Power
from agents.core.errors import NotFound
from agents.core.json_text import loads
from agents.core.tag_text import shown
from agents.domain.core import permissions, record
from agents.domain.core.record import NotUndone
from agents.domain.core.transactions import write
from agents.domain.tags import second_owner, tag_rows
from agents.domain.tags.locks import LockedAgent, lock_agents
from agents.domain.tags.write_many import Delta, write_deltas
from agents.models import Act, Agent, Change, ChangeSet, Op, Tag, Tombstone
from agents.models.fields import ExactTextField
from agents.queries.history.renames import Renames

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
class Undone:
    """What an undo reverted, and what it could not. `change_set` is None if it reverted nothing."""

    change_set: ChangeSet | None
    done: list[Change]
    kept: list[NotUndone]


@write
def undo(*, change_set_id: int, actor: Actor, agent_id: str | None = None) -> Undone:
    """Revert the tag changes of a change-set, or only those on one agent.

    Changes that were overwritten since, or that the actor may not revert (protected tags, tag limits, a
    full agent), stay and are listed in `kept`. Raises NotFound (no such change-set, or the actor sees
    none of it), NotAllowed (no right to write).
    """
    actor.require(Power.WRITE, "undo changes")
    # Locked before any tag or agent, so the second of two undos sees what the first did.
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
    """Undo what a change-set did to these agents, as one batch of a larger undo.

    Records it in the change-set `into`, or in a new one. Raises NotAllowed, NotFound (no change-set).
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
    if actor.limited:
        visible = Agent.objects.visible_to(actor).values("public_id")
        changes = changes.filter(agent_id__in=visible)
    return _renamed(changes)


def _renamed(changes: Iterable[Change], renames: Renames | None = None) -> list[Change]:
    """Return the changes with the current names of their tags: undo follows a renamed tag."""
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
    ended = _ended(original, make)
    also = {str(change.tag) for change in changes if change.op == Op.ADD}
    locked_agents = lock_agents(by_agent, actor=actor, create=make, existing=also)
    for locked in list(locked_agents.values())[:1]:  # all have the same rows
        for name, head in ended.items():
            describe_again(locked.locked_tags[name], head)
    last = _last_changes(by_agent, {str(change.tag) for change in changes})
    plans = [_plan(locked, by_agent[agent_id], last) for agent_id, locked in locked_agents.items()]
    gone = _gone(by_agent.keys() - locked_agents.keys(), by_agent, actor)
    kept = [*gone, *(kept for plan in plans for kept in plan.kept)]
    done = [change for plan in plans for change in plan.done]
    if not done:
        return Undone(into, [], kept)
    new = into or record.open_change_set(actor=actor, act=Act.UNDO, undoes=original.id)
    write_deltas([plan.delta for plan in plans if plan.done], new)
    return Undone(new, done, kept)


def ended_tags(original: ChangeSet) -> list[Change]:
    """Return the changes by which a change-set ended tags."""
    if original.act not in _ENDING:
        return []
    found = record.of_no_agent(original)
    ends = (Op.MERGE, Op.DELETE)
    return [change for change in found if change.op in ends and change.tag is not None]


def describe_again(tag: Tag, head: Change) -> None:
    """Give a recreated tag the description and marks that it had when it ended."""
    for name, value in loads(str(head.old)).items():
        setattr(tag, name, value)
    tag.names_user = tag.names_user or bool(tag.user_by_hand)
    tag.save()


def _ended(original: ChangeSet, make: Collection[str]) -> dict[str, Change]:
    """Return the missing tags that the change-set ended, by their current names.

    An undo in batches calls this for each batch. A change-set may be long, so it is read only if a tag
    is missing.
    """
    there = Tag.objects.filter(name__in=make).count() if make else 0
    return {} if there == len(make) else _not_there(ended_tags(original), make)


def make_again(original: ChangeSet) -> list[str]:
    """Recreate the missing tags that a change-set ended. Returns their current names.

    Call it inside a write.
    """
    heads = ended_tags(original)
    missing = _not_there(heads, {str(change.tag) for change in _renamed(heads)})
    rows = {tag.name: tag for tag in tag_rows.lock_or_create(missing.keys())} if missing else {}
    for name, head in missing.items():
        describe_again(rows[name], head)
    return sorted(missing)


def _not_there(heads: Sequence[Change], make: Collection[str]) -> dict[str, Change]:
    """Return the ended tags in `make` that do not exist, by their current names."""
    if not heads:
        return {}
    now = {str(change.tag): change for change in _renamed(heads)}
    there = set(Tag.objects.filter(name__in=now).values_list("name", flat=True))
    return {name: head for name, head in now.items() if name in make and name not in there}


@dataclass(slots=True)
class _AgentUndo:
    """What undo will do to one agent."""

    delta: Delta
    done: list[Change]
    kept: list[NotUndone]


def _plan(
    locked: LockedAgent,
    changes: list[Change],
    last: Mapping[tuple[str, str], Change],
) -> _AgentUndo:
    plan = _AgentUndo(Delta(locked.agent, added_at=locked.added_at), [], [])
    added_by = {tag.id: tag.change_set_id for tag in locked.tags_before}
    # Removals come first, because they make room for additions.
    for change in sorted(changes, key=lambda change: change.op == Op.REMOVE):
        tag = locked.locked_tags.get(str(change.tag))
        why = _moved_on(change, tag, added_by, last) or _forbidden(locked, tag, plan, change)
        if tag in (*plan.delta.add, *plan.delta.remove):
            # One tag was deleted, and another was renamed to its name.
            why = f"another tag is now named {shown(str(change.tag))}"
        if tag is None or why:
            plan.kept.append(NotUndone(str(change.agent_id), str(change.tag), str(why)))
            continue
        (plan.delta.remove if change.op == Op.ADD else plan.delta.add).append(tag)
        plan.done.append(change)
    if why := second_owner.why_refused(locked.agent, plan.delta.add, plan.delta.remove):
        _leave_out(plan, {tag for tag in plan.delta.add if tag.names_user}, why)
    elif second_owner.gives_second_owner(locked.agent, plan.delta.add, plan.delta.remove):
        second_owner.note(locked.agent)
    return plan


def _leave_out(plan: _AgentUndo, tags: Collection[Tag], why: str) -> None:
    """Take back the planned additions of these tags."""
    names = {tag.name for tag in tags}
    left = [change for change in plan.done if change.op == Op.REMOVE and change.tag in names]
    plan.kept += [NotUndone(str(each.agent_id), str(each.tag), why) for each in left]
    plan.done = [change for change in plan.done if change not in left]
    plan.delta.add = [tag for tag in plan.delta.add if tag not in tags]


def _moved_on(
    change: Change,
    tag: Tag | None,
    added_by: Mapping[int, int],
    last: Mapping[tuple[str, str], Change],
) -> str | None:
    """Return who overwrote the change; None if the tag is still as the change left it."""
    latest = last.get((str(change.agent_id), str(change.tag)), change)
    carried_by = added_by.get(tag.id) if tag else None
    if change.op == Op.ADD and carried_by == change.change_set_id:
        return None
    if change.op == Op.REMOVE and carried_by is None and latest.id == change.id:
        return None
    if latest.id == change.id:
        return f"tag {shown(str(change.tag))} is no longer as this change left it"
    verb = "added" if latest.op == Op.ADD else "removed"
    by, at = latest.change_set.actor_name, latest.change_set.created_at
    return f"{by} {verb} {shown(str(change.tag))} at {_moment(at)}"


def _forbidden(
    locked: LockedAgent, tag: Tag | None, plan: _AgentUndo, change: Change
) -> str | None:
    if tag is None:
        return f"tag {shown(str(change.tag))} no longer exists"
    if change.op == Op.ADD:
        return permissions.refusal(locked.actor, tag, adding=False)
    count = len(locked.carried) - len(plan.delta.remove) + len(plan.delta.add)
    if count >= settings.MAX_TAGS_PER_AGENT:
        return f"the agent has {settings.MAX_TAGS_PER_AGENT:,} tags, which is the limit"
    return permissions.refusal(locked.actor, tag, adding=True) or tag_rows.why_ending(tag)


def _last_changes(
    agent_ids: Collection[str], tags: Collection[str]
) -> dict[tuple[str, str], Change]:
    """Return the latest change of each of these tags on each of these agents. Read under their locks."""
    renames = Renames(tags)
    # The expression keeps databases from reading all changes of a tag that very many agents carried.
    changes = Change.objects.alias(name=Coalesce("tag", Value(""), output_field=ExactTextField()))
    changes = changes.filter(
        agent_id__in=agent_ids, name__in=renames.names, op__in=[Op.ADD, Op.REMOVE]
    )
    return {
        (str(change.agent_id), str(change.tag)): change
        for change in _renamed(changes.select_related("change_set").order_by("id"), renames)
    }


def _gone(
    agent_ids: Collection[str], by_agent: Mapping[str, list[Change]], actor: Actor
) -> list[NotUndone]:
    """Return the changes to deleted agents, which cannot be undone. Hidden from limited actors."""
    if actor.limited:
        return []
    stones = Tombstone.objects.filter(public_id__in=agent_ids).in_bulk(field_name="public_id")
    return [
        NotUndone(agent_id, str(change.tag), _deleted(stones.get(agent_id)))
        for agent_id in sorted(agent_ids)
        for change in by_agent[agent_id]
    ]


def _deleted(stone: Tombstone | None) -> str:
    if stone is None:
        return "the agent is deleted"
    return f"{stone.deleted_by} deleted the agent at {_moment(stone.deleted_at)}"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
