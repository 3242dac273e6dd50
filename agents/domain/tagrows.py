"""Tag rows: found, made where they are missing, locked, counted, classified by the settings."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from zlib import crc32

from django.conf import settings
from django.db import IntegrityError, connection
from django.db.models import F
from django.utils import timezone

from agents.domain.search import TAG_INDEX, index_rows
from agents.domain.transactions import Moved
from agents.models import AgentTag, ChangeSet, Tag
from agents.tagnames import fold, lookalike_key, matches_any, names_user

# Those who keep a row overtake one who waits to lock it, for ever if they are many. At a gate they
# queue. There are fewer gates than tags: PostgreSQL has room for some thousands of such locks.
_GATES = 1024
_GATE_CLASS = 7_120_001  # any number that no other advisory lock of this database has
_HOLD = (
    "WITH gate AS MATERIALIZED (SELECT count({gate}(%s, k)) FROM unnest(%s::int[]) k)"
    " SELECT t.* FROM agents_tag t, gate WHERE t.name = ANY(%s) ORDER BY t.id"
    " FOR {strength} OF t"
)
_SET = (
    "UPDATE agents_tag SET n = CASE WHEN {{added}} THEN n + 1 ELSE n - 1 END,"
    " last_added_at = CASE WHEN {{added}} THEN %s ELSE last_added_at END,"
    " last_added_by = CASE WHEN {{added}} THEN %s ELSE last_added_by END"
    " WHERE id IN ({which})"
)
_MOVE = {
    "sqlite": _SET.format(which="{marks}"),
    # Two writers that lock the same counters in one order do not deadlock.
    "postgresql": _SET.format(
        which="SELECT id FROM agents_tag WHERE id IN ({marks}) ORDER BY id FOR NO KEY UPDATE"
    ),
}


def names_a_user(name: str) -> bool:
    """True if this tag names a user of the application (USER_TAG_PATTERNS)."""
    return names_user(name, settings.USER_TAG_PATTERNS)


def is_protected(name: str) -> bool:
    """True if this tag is protected by its text (PROTECTED_TAGS)."""
    return matches_any(name, settings.PROTECTED_TAGS)


def new_tag(name: str) -> Tag:
    """A tag row for this legal name, not saved."""
    return Tag(
        name=name,
        name_folded=fold(name),
        lookalike=lookalike_key(name),
        names_user=names_a_user(name),
        protected=is_protected(name),
        created_at=timezone.now(),
    )


def make_rows(names: Collection[str]) -> list[Tag]:
    """Make tags that have no row. Raises Moved where another writer was first.

    In the order of their names, so that two writers of the same new tags do not deadlock; and
    before any lock of a row that exists, so that neither do a maker and a holder.
    """
    if not names:
        return []
    rows = [new_tag(name) for name in sorted(names)]
    try:
        Tag.objects.bulk_create(rows)
    except IntegrityError:
        raise Moved from None
    index_rows(TAG_INDEX, [(row.id, row.name_folded) for row in rows])
    return rows


def ensure(names: Collection[str]) -> dict[str, Tag]:
    """The rows of these tags, made where they are missing, not locked. Call it inside a write."""
    rows = {tag.name: tag for tag in Tag.objects.filter(name__in=names)} if names else {}
    return rows | {tag.name: tag for tag in make_rows(set(names) - rows.keys())}


def lock(names: Collection[str]) -> dict[str, Tag]:
    """Lock the tags of these names that exist, in the order of their ids, as they are now.

    Nobody else changes them, or puts them on or takes them off an agent, until the transaction
    ends. PostgreSQL compares the name again after it has waited: a tag renamed meanwhile is left
    out.
    """
    return _held(names, "pg_advisory_xact_lock", "UPDATE")


def keep(names: Collection[str]) -> dict[str, Tag]:
    """Keep the tags of these names that exist as they are, but for their counters.

    Many may keep a tag at once, and who locks it waits for them; else it is as `lock`.
    """
    return _held(names, "pg_advisory_xact_lock_shared", "KEY SHARE")


def _held(names: Collection[str], gate: str, strength: str) -> dict[str, Tag]:
    if not names:
        return {}
    if connection.vendor == "sqlite":
        rows: Iterable[Tag] = Tag.objects.filter(name__in=names)
    else:
        gates = sorted({crc32(name.encode()) % _GATES for name in names})
        sql = _HOLD.format(gate=gate, strength=strength)
        rows = Tag.objects.raw(sql, [_GATE_CLASS, gates, list(names)])
    return {tag.name: tag for tag in rows}


def lock_made(names: Collection[str], *, also: Collection[str] = ()) -> list[Tag]:
    """Make these tags where they are missing and lock them; those in `also` only if they exist.

    Call it inside a write.
    """
    wanted = set(names)
    ensure(wanted)
    rows = lock(wanted | set(also))
    if not rows.keys() >= wanted:
        raise Moved
    return list(rows.values())


def lock_same(rows: Collection[Tag]) -> None:
    """Lock these tags' counters; raise Moved if one is no longer as it was when `rows` were read.

    For a write that prepares all else first, so that a tag in every agent is locked briefly.
    """
    names = [tag.name for tag in rows]
    found = Tag.objects.select_for_update(no_key=True).filter(name__in=names).order_by("id")
    if {_facts(tag) for tag in found} != {_facts(tag) for tag in rows}:
        raise Moved


def _facts(tag: Tag) -> tuple[object, ...]:
    return tag.id, tag.name, tag.names_user, tag.protected


def move_counts(add: Iterable[Tag], remove: Iterable[Tag], change_set: ChangeSet) -> None:
    """Count one agent more for each of the tags to add, one less for each of those to remove.

    The caller keeps or locks the tags. It calls this last: a counter stays locked until the
    transaction ends, and all who write the tag wait for it.
    """
    plus, minus = [tag.id for tag in add], [tag.id for tag in remove]
    marks = ", ".join(["%s"] * len(plus + minus))
    added = f"id IN ({', '.join(['%s'] * len(plus)) or 'NULL'})"
    moment = connection.ops.adapt_datetimefield_value(change_set.created_at)
    with connection.cursor() as cursor:
        cursor.execute(
            _MOVE[connection.vendor].format(marks=marks, added=added),
            [*plus, *plus, moment, *plus, change_set.actor_name, *plus, *minus],
        )


def count_added(rows: Iterable[AgentTag], change_set: ChangeSet) -> None:
    """Raise the counters of the tags of these new rows, which the caller has locked."""
    raise_counts(Counter(row.tag_id for row in rows), change_set)


def raise_counts(added: Mapping[int, int], change_set: ChangeSet) -> None:
    """Raise tags' counters, each by its number; the caller has locked them."""
    by_count: dict[int, list[int]] = defaultdict(list)
    for tag_id, count in added.items():
        by_count[count].append(tag_id)
    for count, ids in by_count.items():
        Tag.objects.filter(id__in=ids).update(
            n=F("n") + count,
            last_added_at=change_set.created_at,
            last_added_by=change_set.actor_name,
        )
