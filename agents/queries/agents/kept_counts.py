"""Exact counts of filters by tags, kept until one of the tags changes. On PostgreSQL only.

Which agents carry a tag never changes without its counter, in the same transaction. So the version of
the counter's row (`xmin`, the transaction that wrote it) says whether a kept number is still right,
whichever process wrote. The versions are read before the agents are counted: a change between the two
gives the row a version under which nothing is kept.

Numbers of transactions are unique on one server. After a failover or a restore, the next server may
use them again, so a number is kept for the connection that counted it, and ends with it.
"""

from typing import Any
from weakref import WeakKeyDictionary

from django.conf import settings

from ade.db.replica import connection
from agents.queries.agents.drivers import Params
from agents.queries.core.lookups import IN_KEYS

_MOST = 100  # numbers kept for each connection
_VERSIONS = f"SELECT id, xmin::text, ({{less}}) FROM agents_tag WHERE id {IN_KEYS} ORDER BY id"  # our pieces

Statement = tuple[str, Params]
_kept: WeakKeyDictionary[Any, dict[object, tuple[object, int]]] = WeakKeyDictionary()


def difference(all_of: Statement, less: Statement, tags: list[int] | None) -> int:
    """Return what the first statement counts, less what the second does, at one moment.

    `tags` alone decide what the first one counts; None if anything else does too.
    """
    # Two changes in one transaction give a row the same version. A pooler may change the server.
    if (
        tags is None
        or connection.vendor == "sqlite"
        or connection.in_atomic_block
        or settings.POOLER
    ):
        return _both(all_of, less)[2]
    rows = _rows(_VERSIONS.format(less=less[0]), [*less[1], tags])
    kept = _kept.setdefault(connection.connection, {})
    key, versions = (all_of[0], tuple(all_of[1])), [row[:2] for row in rows]
    if rows and key in kept and kept[key][0] == versions:
        return int(kept[key][1] - rows[0][2])
    number, _, found = _both(all_of, less)
    if len(kept) >= _MOST:
        kept.clear()
    kept[key] = versions, number
    return found


def _both(all_of: Statement, less: Statement) -> tuple[int, int, int]:
    """Return what both count, by one statement, and the difference."""
    sql = f"SELECT ({all_of[0]}), ({less[0]})"  # our pieces
    ((number, fewer),) = _rows(sql, [*all_of[1], *less[1]])
    return number, fewer, number - fewer


def _rows(sql: str, params: Params) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
