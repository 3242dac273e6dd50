"""History: every change-set, newest first, filtered, in work bounded by the page.

For actors without a tag limit: what others did is no limited key's to read.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from ade.replica import connection
from agents.actors import Actor
from agents.errors import NotFound
from agents.listing.directory import require_whole
from agents.listing.renames import Renames
from agents.models import Change, ChangeSet

PAGE = 50
CHANGES = 200
# Change-sets looked at for one page, and at once.
BUDGET = 5_000
_CHUNK = 500
# Changes of one change-set that its summary is made of.
_GLANCE = 100
# Ids follow time but for what was written at the same moment.
_SLACK = 1_000


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """Which change-sets: every part that is given must hold.

    `person` is the exact name of who acted, `tag` a name that the tag has or had, `since` and
    `until` the first moment that counts and the first that no longer does.
    """

    person: str = ""
    tag: str = ""
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
    """Some change-sets, and the id to go on before. With `cut_short` it is not full, because
    looking further would take too long."""

    rows: list[SetRow] = field(default_factory=list)
    older: int | None = None
    cut_short: bool = False


def history_page(
    wanted: HistoryFilter, *, actor: Actor, before: int | None = None, size: int = PAGE
) -> HistoryPage:
    """The newest change-sets that fit, or those before one. Raises NotAllowed."""
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
    """Ids of change-sets, newest first, of the narrowest part of the filter; the first are few."""
    low, high = _bounds(wanted)
    if before is not None:
        high = before if high is None else min(high, before)
    sizes = [PAGE + 1, 2 * PAGE, 4 * PAGE, *[_CHUNK] * (BUDGET // _CHUNK)]
    if wanted.agent:
        yield from _of_agent(wanted.agent, low, high, sizes)
        return
    if wanted.tag:
        yield from _of_tag(_spans(wanted.tag), low, high, sizes)
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
    """Change-sets by one of the parts that an index leads to, in the order of their ids."""
    if wanted.person:
        return ChangeSet.objects.filter(actor_name=wanted.person)
    if wanted.source:
        return ChangeSet.objects.filter(source=wanted.source)
    return ChangeSet.objects.all()


# A fence: for the sake of the order PostgreSQL would read change-sets in which the agent is not.
_OF_AGENT = """
WITH own AS MATERIALIZED (SELECT change_set_id FROM agents_change WHERE agent_id = %s)
SELECT DISTINCT change_set_id FROM own WHERE change_set_id >= %s AND change_set_id < %s
ORDER BY change_set_id DESC LIMIT %s
"""


def _of_agent(
    agent: str, low: int | None, high: int | None, sizes: Sequence[int]
) -> Iterator[list[int]]:
    """Ids of the change-sets with changes of an agent; the work is that of all it ever had."""
    with connection.cursor() as cursor:
        top = 2**62 if high is None else high
        cursor.execute(_OF_AGENT, [agent, low or 0, top, BUDGET])
        keys = [row[0] for row in cursor.fetchall()]
    for size in sizes:
        if keys:
            yield keys[:size]
        keys = keys[size:]


# From one change-set of a tag to the next along the index, however many changes each has.
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
    """Ids of the change-sets with changes of a tag, under each of its names."""
    for name, start, end in names:
        top = min((one for one in (high, end) if one is not None), default=None)
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
    """The names of a tag, newest first, each with the first change-set under it and the first
    that is no longer."""
    spans: list[tuple[str, int, int | None]] = []
    end = None
    renames = Renames({tag})
    sets = dict(
        Change.objects.filter(id__in=[row.id for row in renames.all]).values_list(
            "id", "change_set_id"
        )
    )
    for name, change_id in renames.spans(tag):
        # The rename itself is told under the old name.
        start = sets[change_id] + 1 if change_id else 0
        spans.append((name, start, end))
        end = start or None
    return spans


def _tested(wanted: HistoryFilter) -> QuerySet[ChangeSet]:
    """All that is asked of a candidate but for its tag or agent, which led to it."""
    sets = ChangeSet.objects.all()
    if wanted.person:
        sets = sets.filter(actor_name=wanted.person)
    if wanted.source:
        sets = sets.filter(source=wanted.source)
    if wanted.since is not None:
        sets = sets.filter(created_at__gte=wanted.since)
    if wanted.until is not None:
        sets = sets.filter(created_at__lt=wanted.until)
    if wanted.agent and wanted.tag:
        names = Renames({wanted.tag}).spans(wanted.tag)
        either = Q(tag__in=[name for name, _ in names])
        of_tag = Change.objects.filter(either, change_set_id=OuterRef("id"))
        sets = sets.filter(Exists(of_tag))
    return sets


def _bounds(wanted: HistoryFilter) -> tuple[int | None, int | None]:
    """The first id that may lie in the time asked for, and the first that no longer may."""
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


# A range and no equality: for a set of very many changes PostgreSQL would otherwise take the order
# of the primary key, and read all that was written before them.
_CHANGES_OF = (
    "SELECT id, change_set_id, op, agent_id, agent_name, tag, field, old, new FROM agents_change"
    " WHERE (change_set_id, id) > (%s, %s) AND change_set_id < %s"
    " ORDER BY change_set_id, id LIMIT %s"
)


def summaries(sets: Sequence[ChangeSet]) -> list[SetRow]:
    """The change-sets with the first of their changes: one query, however many they have."""
    if not sets:
        return []
    # Each part has its own limit; without it a merge would be read whole.
    sql = " UNION ALL ".join([f"SELECT * FROM ({_CHANGES_OF}) one"] * len(sets))
    params = [value for one in sets for value in (one.id, 0, one.id + 1, _GLANCE + 1)]
    by_set: dict[int, list[Change]] = defaultdict(list)
    for change in Change.objects.raw(sql, params):
        by_set[change.change_set_id].append(change)
    rows = []
    for one in sets:
        changes = sorted(by_set[one.id], key=lambda change: change.id)
        rows.append(SetRow(one, changes[:_GLANCE], len(changes) > _GLANCE))
    return rows


def find_set(change_set_id: int, *, actor: Actor) -> SetRow:
    """One change-set. Raises NotFound, NotAllowed."""
    require_whole(actor, "the history")
    found = ChangeSet.objects.filter(id=change_set_id).first()
    if found is None:
        raise NotFound("There is no such change.")
    return summaries([found])[0]


def changes_of(
    change_set: ChangeSet, *, after: int = 0, size: int = CHANGES
) -> tuple[list[Change], int | None]:
    """A page of what it changed, and the change id to go on after."""
    place = [change_set.id, after, change_set.id + 1, size + 1]
    rows = list(Change.objects.raw(_CHANGES_OF, place))
    return rows[:size], rows[size - 1].id if len(rows) > size else None


def undone_by(change_set: ChangeSet) -> list[ChangeSet]:
    """The change-sets that took this one back, or parts of it."""
    return list(ChangeSet.objects.filter(undoes=change_set.id).order_by("-id")[:20])
