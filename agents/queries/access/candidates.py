"""Find the agents that had a tag at a past moment, or that existed then, with work for each of a few rows.

They come from two places, in a fixed order. First those that still have the tag, the last tagged first:
the rows of tags. Then those that lost it later: each removal knows when the tag had been added, and so
ends a span, and spans that contain a moment are found by node (agents.core.spans). The same holds for
agents: their creations, and the deletions, which end the spans of their lives. So neither what happened
after the moment nor what had ended before it costs anything.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ade.db.replica import connection
from agents.core import spans
from agents.models import Tag
from agents.queries.history.renames import Renames

_LARGEST = (1 << 63) - 1
# Rows that one statement reads: few at first, more if they do not match.
_SMALL, _CHUNK = 51, 500
# Part 0 of the order has the present rows. Then each name of a tag has this many parts, one for each node.
_PARTS_OF_NAME = 64


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the order of candidates: after this row of this part."""

    part: int
    moment: datetime
    number: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """An agent, since when it had the tag or existed, and its place. `agent_id` is "" if it does not count."""

    agent_id: str
    since: datetime
    place: Place

    @property
    def is_open(self) -> bool:
        """True if it still has the tag, or was created then and perhaps not deleted."""
        return self.place.part == 0


@dataclass(frozen=True, slots=True)
class Named:
    """A name of the tag, from one change on and to before another (None: still)."""

    name: str
    low: int
    high: int | None


def of_tag(tag: str, at: datetime, start: Place | None) -> Iterator[Candidate]:
    """Yield the agents that had this tag at a moment, by its name then."""
    names = _names_since(tag, at)
    if start is None or start.part == 0:
        yield from _open(names[-1], at, start)
    for number, named in enumerate(names):
        yield from _closed(named, at, 1 + number * _PARTS_OF_NAME, start)


def of_lives(at: datetime, start: Place | None) -> Iterator[Candidate]:
    """Yield the agents that were created by a moment, perhaps deleted since, then those deleted later."""
    if start is None or start.part == 0:
        yield from _born(at, start)
    yield from _closed(Named("", 0, None), at, 1, start)


def _names_since(tag: str, at: datetime) -> list[Named]:
    """Return the name of a tag at a moment and its later names, in order."""
    found, low, name = [], 0, tag
    for row in Renames({tag}).all:
        if row.id < low or row.at <= at or name not in (row.old, row.new):
            continue
        found.append(Named(name, low, row.id))
        if row.new == name:
            return found  # the tag had ended by then: another one gets its name
        name, low = row.new, row.id
    return [*found, Named(name, low, None)]


_OPEN = """
SELECT r.added_at, r.agent_id, (SELECT a.public_id FROM agents_agent a WHERE a.seq = r.agent_id)
FROM agents_agenttag r {agent_tag_by_time}
WHERE r.tag_id = %s AND (r.added_at, r.agent_id) < (%s, %s)
ORDER BY r.added_at DESC, r.agent_id DESC LIMIT %s
"""
# The conditions on op are literal: databases use a partial index only if they can read them.
_BORN = """
SELECT at, id, agent_id FROM agents_change {change_birth}
WHERE op = 'create' AND agent_id IS NOT NULL AND (at, id) < (%s, %s)
ORDER BY at DESC, id DESC LIMIT %s
"""
_ENDS = """
SELECT at, id, agent_id, added_at FROM agents_change {change_span_end}
WHERE span_node = %s AND {tag} AND (at, id) > (%s, %s) ORDER BY at, id LIMIT %s
"""
_BEGINS = """
SELECT added_at, id, agent_id, added_at FROM agents_change {change_span_begin}
WHERE span_node = %s AND {tag} AND (added_at, id) < (%s, %s) ORDER BY added_at DESC, id DESC LIMIT %s
"""
# A scalar subquery is asked for each node by the index, and not joined.
_NODES = """
WITH w(node) AS (VALUES {marks})
SELECT node FROM w WHERE (SELECT 1 FROM agents_change c {index}
WHERE c.span_node = w.node AND {tag} AND c.{column} {compares} %s LIMIT 1) IS NOT NULL
"""


def _open(named: Named, at: datetime, start: Place | None) -> Iterator[Candidate]:
    tag = Tag.objects.filter(name=named.name).first() if named.high is None else None
    if tag is None:
        return
    for since, seq, public_id in _chunks(_OPEN, [tag.id], _from(at, start)):
        yield Candidate(public_id or "", since, Place(0, since, seq))


def _born(at: datetime, start: Place | None) -> Iterator[Candidate]:
    for since, number, agent_id in _chunks(_BORN, [], _from(at, start)):
        yield Candidate(agent_id, since, Place(0, since, number))


def _from(at: datetime, start: Place | None) -> tuple[datetime, int]:
    """Return the place from which rows are read back in time.

    It is the only bound: given two, PostgreSQL starts at the later one and reads all that lies between.
    """
    first = (at, _LARGEST)
    return first if start is None else min(first, (start.moment, start.number))


def _closed(named: Named, at: datetime, part: int, start: Place | None) -> Iterator[Candidate]:
    """Yield the agents with a span under this name that contains the moment."""
    before, after = spans.nodes(at)
    kept = [(node, False) for node in _nodes(named, before, at, ends=True)]
    kept += [(node, True) for node in _nodes(named, after, at, ends=False)]
    order = {node: number for number, node in enumerate([*before, *after])}
    for node, by_begin in sorted(kept, key=lambda one: order[one[0]]):
        here = part + order[node]
        if start is not None and here < start.part:
            continue
        place = (start.moment, start.number) if start is not None and here == start.part else None
        yield from _of_node(named, at, node, here, place, by_begin=by_begin)


def _nodes(named: Named, nodes: Sequence[int], at: datetime, *, ends: bool) -> list[int]:
    """Return those of the nodes that have spans which end after the moment, or begin by it."""
    if not nodes:
        return []
    condition, params = _tag(named)
    sql = _NODES.format(
        marks=", ".join(["(%s)"] * len(nodes)),
        index=_index("change_span_end" if ends else "change_span_begin"),
        tag=condition,
        column="at" if ends else "added_at",
        compares=">" if ends else "<=",
    )
    return [row[0] for row in _rows(sql, [*nodes, *params, _sql(at)])]


def _of_node(
    named: Named,
    at: datetime,
    node: int,
    part: int,
    place: tuple[datetime, int] | None,
    *,
    by_begin: bool,
) -> Iterator[Candidate]:
    condition, params = _tag(named)
    sql = (_BEGINS if by_begin else _ENDS).replace("{tag}", condition)
    first = place or (at, _LARGEST)
    high = _LARGEST if named.high is None else named.high
    for moment, number, agent_id, added_at in _chunks(sql, [node, *params], first):
        since = _moment(added_at)
        counts = since <= at and named.low < number < high and agent_id is not None
        yield Candidate(agent_id if counts else "", since, Place(part, moment, number))


def _tag(named: Named) -> tuple[str, list[str]]:
    return ("tag = %s", [named.name]) if named.name else ("tag IS NULL", [])


def _chunks(sql: str, params: list[Any], place: tuple[datetime, int]) -> Iterator[Any]:
    """Yield the rows after a place, read in chunks. Their first two columns are their place."""
    size = _SMALL
    while True:
        chunk = _rows(sql, [*params, _sql(place[0]), place[1], size])
        for row in chunk:
            place = (_moment(row[0]), row[1])
            yield (place[0], *row[1:])
        if len(chunk) < size:
            return
        size = min(2 * size, _CHUNK)


_INDEXES = ("agent_tag_by_time", "change_birth", "change_span_end", "change_span_begin")


def _index(name: str) -> str:
    return f"INDEXED BY {name}" if connection.vendor == "sqlite" else ""


def _rows(sql: str, params: list[Any]) -> list[Any]:
    for name in _INDEXES:
        sql = sql.replace(f"{{{name}}}", _index(name))
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def _sql(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)


def _moment(value: datetime) -> datetime:
    # A raw cursor of SQLite does not know that its times are UTC.
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
