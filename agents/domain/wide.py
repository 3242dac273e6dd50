"""Writes of tags on any number of agents, in a few statements and one transaction.

What is to be done is gathered in a table of its own, one row per agent and tag; then rows,
counters, versions and history follow from it. The caller holds the lock of each tag named there,
which also keeps agents from gaining or losing it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.db.models import F

from agents.domain import history, pace, tagrows
from agents.models import ChangeSet, Op, Tag

_CREATE = (
    "CREATE TEMPORARY TABLE wide_delta (agent_id bigint NOT NULL, tag_id bigint NOT NULL,"
    " adds smallint NOT NULL, PRIMARY KEY (tag_id, agent_id))"
)
_LOCK = (
    "SELECT count(*) FROM (SELECT seq FROM agents_agent"
    " WHERE seq IN (SELECT agent_id FROM wide_delta) ORDER BY seq FOR NO KEY UPDATE) held"
)
_TAKE_OFF = (
    "DELETE FROM agents_agenttag WHERE tag_id = %s AND agent_id IN"
    " (SELECT agent_id FROM wide_delta WHERE tag_id = %s AND adds = 0)"
)
_PUT_ON = (
    "INSERT INTO agents_agenttag (tag_id, agent_id, added_at, change_set_id)"
    " SELECT tag_id, agent_id, %s, %s FROM wide_delta WHERE adds = 1 ORDER BY tag_id, agent_id"
)
_COUNT_AGENTS = (
    "UPDATE agents_agent SET tag_count = tag_count + d.tags,"
    " user_tag_count = user_tag_count + d.users, version = version + 1, updated_at = {later}"
    " FROM (SELECT w.agent_id, sum(2 * w.adds - 1) AS tags,"
    " sum(CASE WHEN t.names_user THEN 2 * w.adds - 1 ELSE 0 END) AS users"
    " FROM wide_delta w JOIN agents_tag t ON t.id = w.tag_id GROUP BY w.agent_id) d"
    " WHERE agents_agent.seq = d.agent_id"
)
_LATER = {
    "postgresql": "GREATEST(%s, updated_at + interval '1 microsecond')",
    "sqlite": "MAX(%s, updated_at)",  # moments are text there
}
_RECORD = (
    "INSERT INTO agents_change (change_set_id, op, agent_id, agent_name, tag, field)"
    " SELECT %s, CASE w.adds WHEN 1 THEN 'add' ELSE 'remove' END, a.public_id, a.name, t.name, ''"
    " FROM wide_delta w JOIN agents_agent a ON a.seq = w.agent_id"
    " JOIN agents_tag t ON t.id = w.tag_id ORDER BY w.agent_id, w.adds"
)


@contextmanager
def delta() -> Iterator[None]:
    """An empty delta, for the time of a transaction's part."""
    execute(_CREATE)
    yield
    execute("DROP TABLE wide_delta")


def gather(select: str, params: Sequence[Any] = ()) -> int:
    """Add what `select` gives (agent_id, tag_id, adds) to the delta. How many rows."""
    return execute(f"INSERT INTO wide_delta (agent_id, tag_id, adds) {select}", params)


def carriers(tag: Tag, *, adds: bool, put: Tag | None = None) -> int:
    """Add to the delta every agent that carries the tag; for `put`, if given, or for itself."""
    return gather(
        "SELECT agent_id, %s, %s FROM agents_agenttag WHERE tag_id = %s",
        [(put or tag).id, int(adds), tag.id],
    )


def apply(change_set: ChangeSet, tags: Mapping[int, Tag]) -> int:
    """Carry the delta out and record it. How many agents it touched.

    `tags` are those of the delta, by id.
    """
    began = pace.begin()
    moment = connection.ops.adapt_datetimefield_value(change_set.created_at)
    if connection.vendor == "postgresql":
        execute("ANALYZE wide_delta")
        execute(_LOCK)
    for tag_id in sorted(tags):
        execute(_TAKE_OFF, [tag_id, tag_id])
    execute(_PUT_ON, [moment, change_set.id])
    execute(_COUNT_AGENTS.format(later=_LATER[connection.vendor]), [moment])
    execute(_RECORD, [change_set.id])
    _count_tags(change_set)
    touched = one("SELECT count(DISTINCT agent_id) FROM wide_delta")
    change_set.agent_count = touched
    change_set.save(update_fields=["agent_count"])
    pace.note(touched, began)
    return touched


def _count_tags(change_set: ChangeSet) -> None:
    """Move the counters of the tags, in the order of their ids."""
    numbers: Counter[str] = Counter()
    for tag_id, adds, number in rows(
        "SELECT tag_id, adds, count(*) FROM wide_delta GROUP BY tag_id, adds ORDER BY tag_id"
    ):
        numbers[Op.ADD if adds else Op.REMOVE] += number
        if adds:
            tagrows.raise_counts({tag_id: number}, change_set)
        else:
            Tag.objects.filter(id=tag_id).update(n=F("n") - number)
    history.count_tag_changes(change_set, numbers)


def execute(sql: str, params: Sequence[Any] = ()) -> int:
    """Run a statement. How many rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return int(cursor.rowcount)


def rows(sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """All rows of a statement."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def one(sql: str, params: Sequence[Any] = ()) -> int:
    """The one number of a statement."""
    return int(rows(sql, params)[0][0])
