"""Read the events that webhooks send from the history, and render each as JSON.

An event is what one change-set did to one agent, or to one tag. The rename, merge or deletion of a tag
is one event, without further events for its agents.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from django.db.models import Q

from agents.core.json_text import loads
from agents.core.tag_text import matches_any
from agents.models import (
    ALERTS,
    Act,
    AgentTag,
    BulkPlan,
    Change,
    ChangeSet,
    Delivery,
    Event,
    Op,
    Webhook,
)
from agents.queries.history.renames import Renames

VERSION = 1

_LAST = 2**63  # beyond the number of any change
_WINDOW = 2000  # changes read at once
_MOVES = (Op.ADD, Op.REMOVE)
_TAG_EVENTS = {
    Op.RENAME: Event.TAG_RENAMED,
    Op.MERGE: Event.TAG_MERGED,
    Op.DELETE: Event.TAG_DELETED,
}
# In change-sets of these acts, the event of the tag covers the changes of its agents.
_WIDE = (Act.MERGE, Act.TAG_DELETE, Act.OFFBOARD)
_encoder = msgspec.json.Encoder(enc_hook=str)


@dataclass(frozen=True, slots=True)
class Happened:
    """An event in the log. `change` is the first of its changes; `tags` are those it is about."""

    event: Event
    change: int
    change_set_id: int
    agent_id: str | None
    tags: frozenset[str]


def happened(after: int, upto: int) -> tuple[list[Happened], int]:
    """Return the events of the changes after `after`, in order, and the last change number read."""
    changes = list(_changes().filter(id__gt=after, id__lte=upto).order_by("id")[:_WINDOW])
    end = changes[-1].id if len(changes) == _WINDOW else upto
    found = [
        Happened(
            _TAG_EVENTS[Op(change.op)], change.id, change.change_set_id, None, _names([change])
        )
        for change in changes
        if change.agent_id is None
    ]
    touched = {
        (change.change_set_id, str(change.agent_id)) for change in changes if change.agent_id
    }
    # A group may end after this window. One that began before it was returned earlier.
    for (change_set_id, agent_id), group in _groups(touched).items():
        if group[0].id > after:
            event, tags = _event_of(group), _names(group)
            found.append(Happened(event, group[0].id, change_set_id, agent_id, tags))
    return sorted(found, key=lambda one: one.change), end


def concerns(told: Happened, patterns: Sequence[str], renames: Renames) -> bool:
    """True if one of its tags matches a pattern, by its name then or now."""
    names = told.tags | {renames.now(name, told.change) for name in told.tags}
    return any(matches_any(name, patterns) for name in names)


def render(deliveries: Collection[Delivery]) -> dict[int, bytes]:
    """Return the body of each delivery, by its key. Call it in a snapshot.

    Deliveries whose event is no longer in the history are omitted.
    """
    sets = ChangeSet.objects.in_bulk({delivery.change_set_id for delivery in deliveries})
    of_agents = [delivery for delivery in deliveries if delivery.agent_id is not None]
    groups = _groups({(int(row.change_set_id or 0), str(row.agent_id)) for row in of_agents})
    then = _tags_after(groups)
    heads = Change.objects.in_bulk(
        {delivery.change for delivery in deliveries if delivery.agent_id is None}
    )
    about = _about(deliveries)
    bodies: dict[int, bytes] = {}
    for delivery in deliveries:
        key = (int(delivery.change_set_id or 0), str(delivery.agent_id))
        if delivery.event == Event.PING:
            bodies[delivery.id] = _body(delivery, {"webhook": delivery.webhook.public_id}, None)
        elif delivery.event in ALERTS:
            if delivery.subject in about:
                bodies[delivery.id] = _body(delivery, about[delivery.subject], None)
        elif delivery.agent_id is None and delivery.change in heads:
            head = heads[delivery.change]
            bodies[delivery.id] = _body(delivery, _tag_data(head), sets[head.change_set_id])
        elif key in groups:
            data = _agent_data(groups[key], then[key])
            bodies[delivery.id] = _body(delivery, data, sets[key[0]])
    return bodies


def _about(deliveries: Iterable[Delivery]) -> dict[str, dict[str, Any]]:
    """Return the data of alerts by what they are about."""
    alerts = [delivery for delivery in deliveries if delivery.event in ALERTS]
    if not alerts:
        return {}
    hooks = {alert.subject for alert in alerts if alert.event == Event.WEBHOOK_FAILING}
    plans = {alert.subject for alert in alerts} - hooks
    found = [_bulk_data(plan) for plan in BulkPlan.objects.filter(id__in=plans)]
    found += [_hook_data(hook) for hook in Webhook.objects.filter(public_id__in=hooks)]
    return {str(data["id"]): data for data in found}


def _bulk_data(plan: BulkPlan) -> dict[str, Any]:
    return {
        "id": str(plan.id),
        "op": plan.op,
        "add": loads(plan.add),
        "remove": loads(plan.remove),
        "matched": plan.matched,
        "looked": plan.looked,
        "changed": plan.changed,
        "problem": plan.problem,
        "change_set": plan.change_set_id,
        "by": {"id": plan.actor_id, "name": plan.actor_name},
        "reason": plan.reason,
        "undoes": plan.undoes,
    }


def _hook_data(hook: Webhook) -> dict[str, Any]:
    return {
        "id": hook.public_id,
        "name": hook.name,
        "enabled": hook.enabled,
        "failures": hook.failures,
        "failing_since": hook.failing_since,
        "problem": hook.problem,
    }


def _changes() -> Any:
    wide = Q(change_set__act__in=_WIDE, op__in=_MOVES)
    of_agents = Q(agent_id__isnull=False, op__in=[*_MOVES, Op.CREATE, Op.DELETE]) & ~wide
    of_tags = Q(agent_id__isnull=True, tag__isnull=False, op__in=list(_TAG_EVENTS))
    return Change.objects.filter(of_agents | of_tags)


def _groups(keys: Collection[tuple[int, str]]) -> dict[tuple[int, str], list[Change]]:
    """Return the changes that these change-sets made to these agents and their tags, in order."""
    rows = Change.objects.filter(
        change_set_id__in={change_set_id for change_set_id, _ in keys},
        agent_id__in={agent_id for _, agent_id in keys},
        op__in=[*_MOVES, Op.CREATE, Op.DELETE],
    )
    groups: dict[tuple[int, str], list[Change]] = defaultdict(list)
    # Sorted here: for ORDER BY, SQLite would read the whole table by its key.
    for row in sorted(rows, key=lambda row: row.id) if keys else ():
        key = (row.change_set_id, str(row.agent_id))
        if key in keys:
            groups[key].append(row)
    return groups


def _event_of(group: Iterable[Change]) -> Event:
    ops = {change.op for change in group}
    if Op.DELETE in ops:
        return Event.AGENT_DELETED
    return Event.AGENT_CREATED if Op.CREATE in ops else Event.AGENT_TAGS


def _names(group: Iterable[Change]) -> frozenset[str]:
    names = {change.tag for change in group} | {
        change.new for change in group if change.op in _TAG_EVENTS
    }
    return frozenset(str(name) for name in names if name is not None)


def _tags_after(groups: dict[tuple[int, str], list[Change]]) -> dict[tuple[int, str], list[str]]:
    """Return the tags that each agent had after its change-set, ordered by their bytes.

    Computed from its current tags, backwards through all later changes.
    """
    agents = {agent_id for _, agent_id in groups}
    ends = {key: group[-1].id for key, group in groups.items()}
    if not agents:
        return {}
    first = min(ends.values())
    now: dict[str, set[str]] = defaultdict(set)
    carried = AgentTag.objects.filter(agent__public_id__in=agents)
    for agent_id, name in carried.values_list("agent__public_id", "tag__name"):
        now[agent_id].add(name)
    since = Change.objects.filter(id__gt=first)
    later: dict[str, list[Change]] = defaultdict(list)
    for row in since.filter(agent_id__in=agents, op__in=_MOVES):
        later[str(row.agent_id)].append(row)
    renames: dict[str, list[Change]] = defaultdict(list)  # by the name that each gave, newest first
    for row in since.filter(op=Op.RENAME).order_by("-id"):
        renames[str(row.new)].append(row)
    return {
        key: sorted(_back(now[key[1]], later[key[1]], renames, end)) for key, end in ends.items()
    }


def _back(
    tags: set[str], changes: Iterable[Change], renames: Mapping[str, Sequence[Change]], end: int
) -> set[str]:
    """Return the tags of an agent before these changes, without undoing changes up to `end`."""
    was, place = set(tags), _LAST
    for change in sorted(changes, key=lambda one: -one.id):
        if change.id <= end:
            break
        was = {_name_at(name, place, change.id, renames) for name in was}
        place = change.id
        if change.op == Op.ADD:
            was.discard(str(change.tag))
        else:
            was.add(str(change.tag))
    return {_name_at(name, place, end, renames) for name in was}


def _name_at(name: str, place: int, end: int, renames: Mapping[str, Sequence[Change]]) -> str:
    """Return the name that a tag had at `end`, if it had this name at `place`."""
    for change in renames.get(name, ()):
        if change.id < place:
            return name if change.id <= end else _name_at(str(change.tag), change.id, end, renames)
    return name


def _agent_data(group: Sequence[Change], after: list[str]) -> dict[str, Any]:
    event = _event_of(group)
    added = sorted(str(change.tag) for change in group if change.op == Op.ADD)
    removed = sorted(str(change.tag) for change in group if change.op == Op.REMOVE)
    data: dict[str, Any] = {"agent_id": group[0].agent_id, "agent_name": group[0].agent_name}
    if event == Event.AGENT_TAGS:
        return data | {"added": added, "removed": removed, "tags": after}
    # Of a deleted agent: those that it had.
    return data | {"tags": removed if event == Event.AGENT_DELETED else after}


def _tag_data(head: Change) -> dict[str, Any]:
    if head.op == Op.RENAME:
        return {"old": head.tag, "new": head.new}
    return {"tag": head.tag} | ({"into": head.new} if head.op == Op.MERGE else {})


def _body(one: Delivery, data: dict[str, Any], by: ChangeSet | None) -> bytes:
    if by is not None:
        if one.agent_id is None:
            data |= {"agents": by.agent_count}
        data |= {
            "change_set": by.id,
            "by": {"kind": by.actor_kind, "id": by.actor_id, "name": by.actor_name},
            "source": by.source,
            "reason": by.reason,
            "undoes": by.undoes,
        }
    return _encoder.encode(
        {
            "type": one.event,
            "version": VERSION,
            "id": one.public_id,
            "sequence": one.change,
            "timestamp": one.created_at if by is None else by.created_at,
            "data": data,
        }
    )
