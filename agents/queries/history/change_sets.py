"""Read the history: all change-sets, newest first, filtered, with bounded work for a page.

Limited actors may not read it, because it shows what others did.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from ade.db.replica import connection
from agents.core.actors import Actor
from agents.core.errors import NotFound
from agents.models import Change, ChangeSet
from agents.queries.directory import require_whole
from agents.queries.history.people import names_like, tag_like
from agents.queries.history.renames import Renames

PAGE = 50
CHANGES = 200
# Change-sets read for one page, and by one query.
BUDGET = 5_000
_CHUNK = 500
# Changes of a change-set that its summary shows.
_GLANCE = 100
# Ids follow time, except for change-sets written at the same time.
_SLACK = 1_000


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """A filter of change-sets. Every given part must match.

    `person` is the name of the actor, in any case, `reason` a part of the reason, `tag` a current or former name of the tag, `since` the
    first matching time and `until` the first time after it that does not match.
    """

    person: str = ""
    tag: str = ""
    reason: str = ""
    agent: str = ""
    source: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class SetRow:
    """A change-set, and the first of its changes; with `cut`, it has more."""

    change_set: ChangeSet
    changes: list[Change]
    cut: bool


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """A page of change-sets, and the id before which the next page ends.

    With `cut_short` it is not full, because reading further would take too long.
    """

    rows: list[SetRow] = field(default_factory=list)
    older: int | None = None
    cut_short: bool = False


def history_page(
    wanted: HistoryFilter, *, actor: Actor, before: int | None = None, size: int = PAGE
) -> HistoryPage:
    """Return the newest change-sets that match, or those before an id. Raises NotAllowed."""
    require_whole(actor, "the history")
    found: list[ChangeSet] = []
    looked = 0
    for chunk in _candidates(wanted, before):
        fitting = _tested(wanted).filter(id__in=chunk).order_by("-id")
        found += fitting[: size + 1 - len(found)]
        looked += len(chunk)
        if len(found) > size:
            return HistoryPage(summaries(found[:size]), found[size - 1].id)
        if looked >= BUDGET:
            return HistoryPage(summaries(found), chunk[-1], cut_short=True)
    return HistoryPage(summaries(found))


def _candidates(wanted: HistoryFilter, before: int | None) -> Iterator[list[int]]:
    """Yield ids of change-sets, newest first, by the filter's narrowest part, in growing chunks."""
    low, high = _bounds(wanted)
    if before is not None:
        high = before if high is None else min(high, before)
    sizes = [PAGE + 1, 2 * PAGE, 4 * PAGE, *[_CHUNK] * (BUDGET // _CHUNK)]
    if wanted.agent:
        yield from _of_agent(wanted.agent, low, high, sizes)
        return
    if wanted.tag:
        yield from _of_tag(_spans(tag_like(wanted.tag)), low, high, sizes)
        return
    sets = _head(wanted).order_by("-id")
    if low is not None:
        sets = sets.filter(id__gte=low)
    for size in sizes:
        part = sets if high is None else sets.filter(id__lt=high)
        chunk = list(part.values_list("id", flat=True)[:size])
        if not chunk:
            return
        yield chunk
        high = chunk[-1]


def _head(wanted: HistoryFilter) -> QuerySet[ChangeSet]:
    """Return the change-sets that match one part of the filter that has an index."""
    if wanted.person:
        return ChangeSet.objects.filter(actor_name__in=names_like(wanted.person))
    if wanted.source:
        return ChangeSet.objects.filter(source=wanted.source)
    return ChangeSet.objects.all()


# MATERIALIZED keeps PostgreSQL from reading change-sets of other agents for the sake of the order.
_OF_AGENT = """
WITH own AS MATERIALIZED (SELECT change_set_id FROM agents_change WHERE agent_id = %s)
SELECT DISTINCT change_set_id FROM own WHERE change_set_id >= %s AND change_set_id < %s
ORDER BY change_set_id DESC LIMIT %s
"""


def _of_agent(
    agent: str, low: int | None, high: int | None, sizes: Sequence[int]
) -> Iterator[list[int]]:
    """Yield ids of the change-sets with changes of an agent. Reads all changes of the agent."""
    with connection.cursor() as cursor:
        top = 2**62 if high is None else high
        cursor.execute(_OF_AGENT, [agent, low or 0, top, BUDGET])
        keys = [row[0] for row in cursor.fetchall()]
    for size in sizes:
        if keys:
            yield keys[:size]
        keys = keys[size:]


# Steps from one change-set of a tag to the next along the index, for any number of changes in each.
_NEXT = (
    "SELECT change_set_id FROM agents_change WHERE tag = %s{more}"
    " ORDER BY change_set_id DESC LIMIT 1"
)
_STEPS = """
WITH RECURSIVE s(id, step) AS (
    SELECT * FROM (SELECT ({first}), 1) a
    UNION ALL
    SELECT ({next}), step + 1 FROM s WHERE s.id IS NOT NULL AND step < %s
)
SELECT id FROM s WHERE id IS NOT NULL
"""


def _of_tag(
    names: Sequence[tuple[str, int, int | None]],
    low: int | None,
    high: int | None,
    sizes: Sequence[int],
) -> Iterator[list[int]]:
    """Yield ids of the change-sets with changes of a tag, under each of its names."""
    for name, start, end in names:
        top = min((part for part in (high, end) if part is not None), default=None)
        for size in sizes:
            more = "" if top is None else " AND change_set_id < %s"
            first = _NEXT.format(more=more)
            following = _NEXT.format(more=" AND change_set_id < s.id")
            sql = _STEPS.format(first=first, next=following)
            values: list[str | int] = [name, *([] if top is None else [top]), name, size]
            with connection.cursor() as cursor:
                cursor.execute(sql, values)
                chunk = [row[0] for row in cursor.fetchall()]
            floor = max(start, low or 0)
            inside = [key for key in chunk if key >= floor]
            if inside:
                yield inside
            if len(chunk) < size or len(inside) < len(chunk):
                break
            top = chunk[-1]


def _spans(tag: str) -> list[tuple[str, int, int | None]]:
    """Return the names of a tag, newest first, each with its first change-set and the first after it."""
    spans: list[tuple[str, int, int | None]] = []
    end = None
    renames = Renames({tag})
    sets = dict(
        Change.objects.filter(id__in=[row.id for row in renames.all]).values_list(
            "id", "change_set_id"
        )
    )
    for name, change_id in renames.spans(tag):
        # The rename itself is recorded under the old name.
        start = sets[change_id] + 1 if change_id else 0
        spans.append((name, start, end))
        end = start or None
    return spans


def _tested(wanted: HistoryFilter) -> QuerySet[ChangeSet]:
    """Return the change-sets that match the filter, except for the tag or agent that led to them."""
    sets = ChangeSet.objects.all()
    if wanted.person:
        sets = sets.filter(actor_name__in=names_like(wanted.person))
    if wanted.reason:
        sets = sets.filter(reason__icontains=wanted.reason)
    if wanted.source:
        sets = sets.filter(source=wanted.source)
    if wanted.since is not None:
        sets = sets.filter(created_at__gte=wanted.since)
    if wanted.until is not None:
        sets = sets.filter(created_at__lt=wanted.until)
    if wanted.agent and wanted.tag:
        names = Renames({tag_like(wanted.tag)}).spans(tag_like(wanted.tag))
        either = Q(tag__in=[name for name, _ in names])
        of_tag = Change.objects.filter(either, change_set_id=OuterRef("id"))
        sets = sets.filter(Exists(of_tag))
    return sets


def _bounds(wanted: HistoryFilter) -> tuple[int | None, int | None]:
    """Return the first id that may be within the filter's time, and the first after it."""
    low = high = None
    if wanted.since is not None:
        after = ChangeSet.objects.filter(created_at__gte=wanted.since).order_by("created_at")
        first = after.values_list("id", flat=True).first()
        low = 2**62 if first is None else first - _SLACK
    if wanted.until is not None:
        until = ChangeSet.objects.filter(created_at__lt=wanted.until).order_by("-created_at")
        last = until.values_list("id", flat=True).first()
        high = 0 if last is None else last + _SLACK
    return low, high


# A range and not an equality: for a set of very many changes PostgreSQL would otherwise follow the
# primary key, and read all earlier changes.
_CHANGES_OF = (
    "SELECT id, change_set_id, op, agent_id, agent_name, tag, field, old, new, at, added_at FROM agents_change"
    " WHERE (change_set_id, id) > (%s, %s) AND change_set_id < %s"
    " ORDER BY change_set_id, id LIMIT %s"
)


def summaries(sets: Sequence[ChangeSet]) -> list[SetRow]:
    """Return the change-sets with their first changes, by one query."""
    if not sets:
        return []
    # Each part has its own limit; without it all changes of a merge would be read.
    sql = " UNION ALL ".join([f"SELECT * FROM ({_CHANGES_OF}) part"] * len(sets))
    params = [value for item in sets for value in (item.id, 0, item.id + 1, _GLANCE + 1)]
    by_set: dict[int, list[Change]] = defaultdict(list)
    for change in Change.objects.raw(sql, params):
        by_set[change.change_set_id].append(change)
    rows = []
    for change_set in sets:
        changes = sorted(by_set[change_set.id], key=lambda change: change.id)
        rows.append(SetRow(change_set, changes[:_GLANCE], len(changes) > _GLANCE))
    return rows


def newest_with_tags(names: Sequence[str], *, actor: Actor, size: int) -> list[SetRow]:
    """Return the newest change-sets of any of a few tags. Three short queries for each tag."""
    require_whole(actor, "the history")
    found: set[int] = set()
    for name in names:
        ids = [key for chunk in _of_tag(_spans(name), None, None, [size]) for key in chunk]
        found.update(ids[:size])
    newest = sorted(found, reverse=True)[:size]
    return summaries(list(ChangeSet.objects.filter(id__in=newest).order_by("-id")))


def find_set(change_set_id: int, *, actor: Actor) -> SetRow:
    """Return a change-set by its id. Raises NotFound, NotAllowed."""
    require_whole(actor, "the history")
    found = ChangeSet.objects.filter(id=change_set_id).first()
    if found is None:
        raise NotFound("There is no such change.")
    return summaries([found])[0]


def changes_of(
    change_set: ChangeSet, *, after: int = 0, size: int = CHANGES
) -> tuple[list[Change], int | None]:
    """Return a page of its changes, and the change id after which the next page starts."""
    place = [change_set.id, after, change_set.id + 1, size + 1]
    rows = list(Change.objects.raw(_CHANGES_OF, place))
    return rows[:size], rows[size - 1].id if len(rows) > size else None


def undone_by(change_set: ChangeSet) -> list[ChangeSet]:
    """Return the change-sets that undid this one or parts of it."""
    return list(ChangeSet.objects.filter(undoes=change_set.id).order_by("-id")[:20])
