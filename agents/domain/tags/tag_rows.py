"""Create, lock and count tags, and link them to agents."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from zlib import crc32

from django.db import IntegrityError
from django.db.models import F
from django.utils import timezone

from ade.db.statements import IN_IDS, IN_NAMES, IS_SQLITE, Loader, execute, listed, moment
from agents.core.actors import Actor
from agents.core.errors import Conflict
from agents.core.lookalikes import LOOKALIKE_VERSION, lookalike_key
from agents.core.natural_order import natural_key
from agents.core.tag_text import fold, shown
from agents.domain.core.insert import insert
from agents.domain.core.search_index import TAG_INDEX, index_rows
from agents.domain.core.tag_rules import is_protected, names_a_user
from agents.domain.core.transactions import RowsChanged
from agents.models import Agent, AgentTag, ChangeSet, Tag
from agents.queries.tags.closed import watched

# Shared locks can starve an exclusive lock. An advisory lock (a gate) makes them queue. Tags share the
# gates by hash: PostgreSQL has room for only some thousands of advisory locks.
_GATES = 1024
_GATE_CLASS = 7_120_001  # any number that no other advisory lock in this database uses
_tags = Loader(Tag)
_FIND = f"SELECT {_tags.columns('t')} FROM agents_tag t WHERE t.name {IN_NAMES}"  # noqa: S608 ours
_LOCK = (
    "WITH gate AS MATERIALIZED (SELECT count({gate}(%s, k)) FROM unnest(%s::int[]) k)"  # noqa: S608 ours
    f" SELECT {_tags.columns('t')} FROM agents_tag t, gate WHERE t.name = ANY(%s::text[])"
    " ORDER BY t.id FOR {strength} OF t"
)
_LOCK_ALONE = _LOCK.format(gate="pg_advisory_xact_lock", strength="UPDATE")
_LOCK_SHARED = _LOCK.format(gate="pg_advisory_xact_lock_shared", strength="KEY SHARE")
_LOCK_COUNTERS = f"{_FIND} ORDER BY t.id{'' if IS_SQLITE else ' FOR NO KEY UPDATE'}"
_RAISE = (
    f"UPDATE agents_tag SET n = n + %s, last_added_at = %s, last_added_by = %s WHERE id {IN_IDS}"  # noqa: S608 ours
)
# All writers lock counters in the order of id, so they do not deadlock.
_IN_ORDER = (
    "IN (SELECT id FROM agents_tag WHERE id = ANY(%s::bigint[]) ORDER BY id FOR NO KEY UPDATE)"
)
_UPDATE = (
    f"UPDATE agents_tag SET n = CASE WHEN id {IN_IDS} THEN n + 1 ELSE n - 1 END,"  # noqa: S608 ours
    f" last_added_at = CASE WHEN id {IN_IDS} THEN %s ELSE last_added_at END,"
    f" last_added_by = CASE WHEN id {IN_IDS} THEN %s ELSE last_added_by END"
    f" WHERE id {IN_IDS if IS_SQLITE else _IN_ORDER}"
)


def new_tag(name: str) -> Tag:
    """Return an unsaved tag for this legal name."""
    return Tag(
        name=name,
        name_folded=fold(name),
        lookalike=lookalike_key(name),
        lookalike_version=LOOKALIKE_VERSION,
        sort_key=natural_key(name),
        names_user=names_a_user(name),
        protected=is_protected(name),
        created_at=timezone.now(),
    )


def names_user(name: str, actor: Actor) -> bool:
    """True if this is a user tag, by its text or because a person marked it.

    Of the marks a limited actor learns only those of tags that its own agents carry.
    """
    if names_a_user(name):
        return True
    marked = Tag.objects.filter(name=name, names_user=True)
    if actor.limited:
        marked = marked.filter(agenttag__agent__in=Agent.objects.visible_to(actor))
    return marked.exists()


def create_rows(names: Collection[str], *, first_added_by: str | None = None) -> list[Tag]:
    """Insert tags that do not exist yet. Raises RowsChanged if another writer was first.

    With `first_added_by`, the name of an actor, each counts as added to one agent already. Tags are
    inserted by name, so that two writers of the same new tags do not deadlock, and before any
    existing row is locked, so that a writer that inserts and one that locks do not either.
    """
    if not names:
        return []
    rows = [new_tag(name) for name in sorted(names)]
    closed = watched(names)
    for row in rows:
        row.closed_until = closed[row.name].watched_until if row.name in closed else None
    if first_added_by is not None:
        for row in rows:
            row.n, row.last_added_at, row.last_added_by = 1, row.created_at, first_added_by
    try:
        Tag.objects.bulk_create(rows)
    except IntegrityError:
        raise RowsChanged from None
    index_rows(TAG_INDEX, [(row.id, row.name_folded) for row in rows])
    return rows


def get_or_create(names: Collection[str]) -> dict[str, Tag]:
    """Return these tags by name, without locks. Missing ones are created. Call it inside a write."""
    rows = {tag.name: tag for tag in _tags.fetch(_FIND, [listed(names)])} if names else {}
    return rows | {tag.name: tag for tag in create_rows(set(names) - rows.keys())}


def lock(names: Collection[str]) -> dict[str, Tag]:
    """Lock the existing tags with these names, in the order of id, and return them by name.

    Until the transaction ends, nobody else can change them or add or remove them on an agent. A tag
    that is renamed while this waits is left out.
    """
    return _locked(names, _LOCK_ALONE)


def share_lock(names: Collection[str]) -> dict[str, Tag]:
    """Lock tags against changes, except of their counters. Many writers can share this lock.

    `lock` waits for shared locks. Otherwise this is the same as `lock`.
    """
    return _locked(names, _LOCK_SHARED)


def _locked(names: Collection[str], lock: str) -> dict[str, Tag]:
    if not names:
        return {}
    if IS_SQLITE:
        rows = _tags.fetch(_FIND, [listed(names)])
    else:
        gates = sorted({crc32(name.encode()) % _GATES for name in names})
        rows = _tags.fetch(lock, [_GATE_CLASS, gates, listed(names)])
    return {tag.name: tag for tag in rows}


def lock_or_create(names: Collection[str], *, existing: Collection[str] = ()) -> list[Tag]:
    """Create missing tags and lock them all. Tags in `existing` are locked only if they exist.

    Call it inside a write.
    """
    wanted = set(names)
    get_or_create(wanted)
    rows = lock(wanted | set(existing))
    if not rows.keys() >= wanted:
        raise RowsChanged
    return list(rows.values())


def why_ending(tag: Tag) -> str | None:
    """Return why this tag cannot be added at the moment, as a sentence, or None if it can."""
    if tag.ends_in is None:
        return None
    return f"{shown(tag.name)} cannot be added: it is being merged, deleted or off-boarded."


def require_not_ending(rows: Iterable[Tag]) -> None:
    """Raise Conflict if one of these locked tags is being merged, deleted or off-boarded."""
    for tag in rows:
        if why := why_ending(tag):
            raise Conflict(why)


def lock_unchanged(rows: Collection[Tag]) -> None:
    """Lock the counters of these tags, and check that the tags have not changed since they were read.

    For a write that does everything else first, so that a tag of every agent is locked only briefly.
    Raises RowsChanged if a tag has changed, Conflict if one is being merged, deleted or off-boarded.
    """
    found = _tags.fetch(_LOCK_COUNTERS, [listed([tag.name for tag in rows])])
    if {_facts(tag) for tag in found} != {_facts(tag) for tag in rows}:
        raise RowsChanged
    require_not_ending(found)


def _facts(tag: Tag) -> tuple[object, ...]:
    return tag.id, tag.name, tag.names_user, tag.protected


def update_counts(add: Collection[Tag], remove: Collection[Tag], change_set: ChangeSet) -> None:
    """Add 1 to the counters of the tags to add, and subtract 1 from those of the tags to remove.

    The caller has locked the tags. Call it last: the counters stay locked until the transaction ends,
    and every other writer of the tags waits for it.
    """
    plus = listed([tag.id for tag in add])
    both = listed([tag.id for tag in (*add, *remove)])
    at, by = moment(change_set.created_at), change_set.actor_name
    execute(_UPDATE, [plus, plus, at, plus, by, both])


def put_on(pairs: Iterable[tuple[int, int]], change_set: ChangeSet, at: datetime) -> None:
    """Insert the rows that link tags to agents: pairs of a tag's id and an agent's seq.

    The caller has checked the delta, and updates counters.
    """
    columns = ("tag_id", "agent_id", "added_at", "change_set_id")
    insert(AgentTag, columns, ((tag, agent, at, change_set.id) for tag, agent in pairs))


def lower_counts(removed: Mapping[int, int]) -> None:
    """Decrease the counters of locked tags: numbers by tag id."""
    by_count: dict[int, list[int]] = defaultdict(list)
    for tag_id, count in removed.items():
        by_count[count].append(tag_id)
    for count, ids in by_count.items():
        Tag.objects.filter(id__in=ids).update(n=F("n") - count)


def raise_counts(
    added: Mapping[int, int], change_set: ChangeSet, at: datetime | None = None
) -> None:
    """Increase the counters of locked tags: numbers by tag id."""
    by_count: dict[int, list[int]] = defaultdict(list)
    for tag_id, count in added.items():
        by_count[count].append(tag_id)
    last = moment(at or change_set.created_at), change_set.actor_name
    for count, ids in by_count.items():
        execute(_RAISE, [count, *last, listed(ids)])
