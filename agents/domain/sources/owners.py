"""Owner tags at sources: user tags and protected tags, and names that should not come back."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import Q

from agents.core.json_text import dumps, loads
from agents.core.tag_text import matches_any
from agents.domain.core.tag_rules import is_protected, names_a_user
from agents.domain.sources.inbox import ask
from agents.models import Act, BulkPlan, Change, InboxItem, InboxKind, Op, Tag

PUT_BACK_MOST = 3  # times that owner tags of one agent are put back by themselves ...
PUT_BACK_TIME = timedelta(hours=1)  # ... within this time
_LISTED = 100  # agents that a question names


@dataclass(frozen=True, slots=True)
class Past:
    """What became of a name that a source still writes: off-boarded, or renamed or merged into `now`."""

    kind: InboxKind
    now: str = ""


def among(names: Collection[str]) -> set[str]:
    """The user tags and protected tags among these, without those that programs write for themselves."""
    if not names:
        return set()
    marked = Tag.objects.filter(Q(names_user=True) | Q(protected=True), name__in=names)
    found = set(marked.values_list("name", flat=True))
    found |= {name for name in names if names_a_user(name) or is_protected(name)}
    return {name for name in found if not matches_any(name, settings.MACHINE_TAGS)}


def ending(names: Collection[str]) -> dict[str, str | None]:
    """The tags among these that are just being merged (into which), deleted or off-boarded (None)."""
    rows = dict(
        Tag.objects.filter(name__in=names, ends_in__isnull=False).values_list("name", "ends_in")
    )
    if not rows:
        return {}
    plans = BulkPlan.objects.in_bulk(list(rows.values()))
    return {
        name: next(iter(loads(plans[plan].add)), None) if plan in plans else None
        for name, plan in rows.items()
    }


def without_ending(names: Collection[str], ends: dict[str, str | None]) -> set[str]:
    """The names, with what an ending tag is merged into instead of it."""
    return {into for name in names if (into := ends.get(name, name)) is not None}


def came_back(names: Collection[str]) -> dict[str, Past]:
    """The names among these that ADE has renamed, merged or off-boarded, and that have no tag now."""
    if not names:
        return {}
    there = set(Tag.objects.filter(name__in=names).values_list("name", flat=True))
    asked = InboxItem.objects.filter(
        kind__in=(InboxKind.OFFBOARDED, InboxKind.OLD_NAME), tag__in=there & set(names)
    )
    found = {
        str(item.tag): Past(InboxKind(item.kind), loads(item.details).get("now", ""))
        for item in asked
    }
    gone = set(names) - there
    if gone:
        ends = Change.objects.filter(
            tag__in=gone, agent_id=None, op__in=(Op.RENAME, Op.MERGE, Op.DELETE)
        ).select_related("change_set")
        for change in ends.order_by("id"):
            if change.op in (Op.RENAME, Op.MERGE):
                found[str(change.tag)] = Past(InboxKind.OLD_NAME, str(change.new))
            elif change.change_set.act == Act.OFFBOARD:
                found[str(change.tag)] = Past(InboxKind.OFFBOARDED)
    return found


def ask_came_back(
    source_id: int,
    tag: str,
    past: Past,
    *,
    agent_id: str,
    agent_name: str,
    change_set_id: int | None,
) -> None:
    """Ask what to do with a name that came back: once for an old name, for each agent of a user who left."""
    if past.kind is InboxKind.OFFBOARDED:
        details = {"name": agent_name, "add": [tag], "remove": []}
        ask(
            source_id, past.kind, agent_id=agent_id, tag=tag, details=details,
            change_set_id=change_set_id,
        )  # fmt: skip
        return
    same = InboxItem.objects.filter(source_id=source_id, kind=past.kind, tag=tag, decided_at=None)
    item = same.first()
    agents = [] if item is None else loads(item.details).get("agents", [])
    if agent_id not in agents and len(agents) < _LISTED:
        agents = [*agents, agent_id]
    details = {"now": past.now, "agents": agents, "add": [tag], "remove": []}
    ask(source_id, past.kind, tag=tag, details=details, change_set_id=change_set_id)


def ask_two_owners(source_id: int, agent_ids: Sequence[str]) -> None:
    """Say that these agents came in with two owners. All that come until it is accepted are one question."""
    if not agent_ids:
        return
    same = InboxItem.objects.filter(
        source_id=source_id, kind=InboxKind.TWO_OWNERS, decided_at=None
    ).first()
    before = {} if same is None else loads(same.details)
    details = {
        "agents": [*before.get("agents", []), *agent_ids][:_LISTED],
        "count": before.get("count", 0) + len(agent_ids),
    }
    ask(source_id, InboxKind.TWO_OWNERS, details=details)


def ask_owner(
    source_id: int,
    *,
    agent_id: str,
    name: str,
    add: set[str],
    remove: set[str],
    change_set_id: int,
) -> None:
    """Ask about owner tags that were changed at a source. Several changes become one question."""
    same = InboxItem.objects.filter(
        source_id=source_id, kind=InboxKind.OWNER, agent_id=agent_id, tag="", decided_at=None
    )
    item = same.first()
    before = {} if item is None else loads(item.details)
    if before.get("held"):
        before = {}
    added, removed = set(before.get("add", ())), set(before.get("remove", ()))
    now_added = (added - remove) | (add - removed)
    now_removed = (removed - add) | (remove - added)
    if not now_added and not now_removed:
        same.delete()
        return
    details = {"name": name, "add": sorted(now_added), "remove": sorted(now_removed)}
    if item is not None:
        same.update(details=dumps(details), change_set_id=change_set_id)
        return
    ask(
        source_id, InboxKind.OWNER, agent_id=agent_id, details=details,
        change_set_id=change_set_id,
    )  # fmt: skip
