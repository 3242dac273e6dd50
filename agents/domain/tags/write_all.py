"""Add and remove tags on any number of agents, in a few statements and one transaction.

The changes are collected in a temporary table, one row per agent and tag. Rows, counters, versions
and history are then written from it. The caller has locked every tag in the table, so no agent can
gain or lose one meanwhile.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import F
from django.utils import timezone

from agents.core import spans
from agents.domain.core import record, timing
from agents.domain.tags import behind, tag_rows
from agents.models import ChangeSet, Op, Tag

_CREATE = (
    "CREATE TEMPORARY TABLE tag_delta (agent_id bigint NOT NULL, tag_id bigint NOT NULL,"
    " adds smallint NOT NULL, PRIMARY KEY (tag_id, agent_id))"
)
_LOCK = (
    "SELECT count(*) FROM (SELECT seq FROM agents_agent"
    " WHERE seq IN (SELECT agent_id FROM tag_delta) ORDER BY seq FOR NO KEY UPDATE) locked"
)
_REMOVE = (
    "DELETE FROM agents_agenttag WHERE tag_id = %s AND agent_id IN"
    " (SELECT agent_id FROM tag_delta WHERE tag_id = %s AND adds = 0)"
)
_ADD = (
    "INSERT INTO agents_agenttag (tag_id, agent_id, added_at, change_set_id)"
    " SELECT tag_id, agent_id, %s, %s FROM tag_delta WHERE adds = 1 ORDER BY tag_id, agent_id"
)
_COUNT_AGENTS = (
    "UPDATE agents_agent SET tag_count = tag_count + d.tags,"
    " user_tag_count = user_tag_count + d.users, version = version + 1, updated_at = {later}"
    " FROM (SELECT w.agent_id, sum(2 * w.adds - 1) AS tags,"
    " sum(CASE WHEN t.names_user THEN 2 * w.adds - 1 ELSE 0 END) AS users"
    " FROM tag_delta w JOIN agents_tag t ON t.id = w.tag_id GROUP BY w.agent_id) d"
    " WHERE agents_agent.seq = d.agent_id"
)
_SECOND_OWNERS = (
    "SELECT count(*) FROM (SELECT w.agent_id FROM tag_delta w JOIN agents_tag t ON t.id = w.tag_id"
    " JOIN agents_agent a ON a.seq = w.agent_id WHERE t.names_user AND a.shared_reason IS NULL"
    " GROUP BY w.agent_id, a.user_tag_count HAVING sum(w.adds) > 0"
    " AND a.user_tag_count + sum(2 * w.adds - 1) > 1) second"
)
_LATER = {
    "postgresql": "GREATEST(%s, updated_at + interval '1 microsecond')",
    "sqlite": "MAX(%s, updated_at)",  # times are text there
}
_RECORD = (
    "INSERT INTO agents_change"
    " (change_set_id, op, agent_id, agent_name, tag, field, at, added_at, span_node)"
    " SELECT %s, CASE w.adds WHEN 1 THEN 'add' ELSE 'remove' END, a.public_id, a.name, t.name, '',"
    " %s, r.added_at, CASE WHEN r.added_at IS NULL THEN NULL{steps} ELSE {last} END"
    " FROM tag_delta w JOIN agents_agent a ON a.seq = w.agent_id"
    " JOIN agents_tag t ON t.id = w.tag_id LEFT JOIN agents_agenttag r"
    " ON w.adds = 0 AND r.tag_id = w.tag_id AND r.agent_id = w.agent_id"
    " ORDER BY w.agent_id, w.adds"
)


@contextmanager
def delta() -> Iterator[None]:
    """Create an empty table of changes, and drop it at the end of the block."""
    execute(_CREATE)
    yield
    execute("DROP TABLE tag_delta")


def gather(select: str, params: Sequence[Any] = ()) -> int:
    """Insert the rows of a SELECT (agent_id, tag_id, adds) into the changes. Return their number."""
    return execute(f"INSERT INTO tag_delta (agent_id, tag_id, adds) {select}", params)


def gather_carriers(tag: Tag, *, adds: bool, other: Tag | None = None) -> int:
    """Collect every agent that carries the tag: to add or remove `other`, or the tag itself."""
    return gather(
        "SELECT agent_id, %s, %s FROM agents_agenttag WHERE tag_id = %s",
        [(other or tag).id, int(adds), tag.id],
    )


def count_second_owners() -> int:
    """Count the agents that the collected changes give a second owner, by the rule of `second_owner`."""
    if settings.SECOND_OWNER == "allow":
        return 0
    return count(_SECOND_OWNERS)


def apply(change_set: ChangeSet, tags: Mapping[int, Tag]) -> int:
    """Carry out and record the collected changes of these tags (by id). Return the number of agents."""
    began = timing.begin()
    at = timezone.now()
    moment = connection.ops.adapt_datetimefield_value(at)
    if connection.vendor == "postgresql":
        execute("ANALYZE tag_delta")
        execute(_LOCK)
    _record(change_set, at)  # first: it reads added_at of the rows to delete
    for tag_id in sorted(tags):
        execute(_REMOVE, [tag_id, tag_id])
    execute(_ADD, [moment, change_set.id])
    execute(_COUNT_AGENTS.format(later=_LATER[connection.vendor]), [moment])
    behind.mark_delta(change_set)
    _count_tags(change_set, at)
    agents = count("SELECT count(DISTINCT agent_id) FROM tag_delta")
    change_set.agent_count = agents
    change_set.save(update_fields=["agent_count"])
    timing.note(agents, began)
    return agents


def _record(change_set: ChangeSet, at: datetime) -> None:
    """Write the history. The statement finds the node of each span as `agents.core.spans.node` does."""
    adapt = connection.ops.adapt_datetimefield_value
    steps = spans.steps(at)
    cases = "".join(f" WHEN r.added_at < %s THEN {node}" for _, node in steps)
    sql = _RECORD.format(steps=cases, last=spans.second(at))
    execute(sql, [change_set.id, adapt(at), *(adapt(moment) for moment, _ in steps)])


def _count_tags(change_set: ChangeSet, at: datetime) -> None:
    """Update the counters of the tags, in the order of id."""
    numbers: Counter[str] = Counter()
    for tag_id, adds, number in rows(
        "SELECT tag_id, adds, count(*) FROM tag_delta GROUP BY tag_id, adds ORDER BY tag_id"
    ):
        numbers[Op.ADD if adds else Op.REMOVE] += number
        if adds:
            tag_rows.raise_counts({tag_id: number}, change_set, at)
        else:
            Tag.objects.filter(id=tag_id).update(n=F("n") - number)
    record.count_tag_changes(change_set, numbers)


def execute(sql: str, params: Sequence[Any] = ()) -> int:
    """Run a statement and return the number of affected rows."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return int(cursor.rowcount)


def rows(sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Run a query and return all rows."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def count(sql: str, params: Sequence[Any] = ()) -> int:
    """Run a query that returns one number."""
    return int(rows(sql, params)[0][0])
