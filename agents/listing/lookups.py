"""What hangs on the agents of a page, looked up by key: pieces of SQL that no planner turns round.

Without statistics, or with those of a day when there were few agents, PostgreSQL expects a million
rows of fifty agents and reads whole tables to join them. What stands in a LATERAL with a limit is
looked up for one row after the other. SQLite does so by itself. So there is one good plan, and
PostgreSQL, which plans longer than it reads, keeps it (`lookup_cursor` in ade/postgres/base.py).
"""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from ade.replica import connection
from agents.jsontext import dumps

_IS_SQLITE = connection.vendor == "sqlite"
# More than anything has of anything.
_ALL = 10**9

# What a column is compared with to be one of the keys that `fetch` is given.
IN_KEYS = "IN (SELECT value FROM json_each(%s))" if _IS_SQLITE else "= ANY(%s::bigint[])"
IN_NAMES = IN_KEYS.replace("bigint", "text")


def of_agents(table: str, alias: str, column: str) -> str:
    """The rows of a table that the agents of the keys have, as a FROM: `agent_id` and a column,
    which follow each other in one of its indexes."""
    columns = f"z.agent_id, z.{column} FROM {table} z WHERE z.agent_id"
    if _IS_SQLITE:
        return f"(SELECT {columns} {IN_KEYS}) {alias}"
    return (
        f"unnest(%s::bigint[]) k CROSS JOIN LATERAL"
        f" (SELECT {columns} = k ORDER BY z.{column} LIMIT {_ALL}) {alias}"
    )


def looked_up(table: str, alias: str, key: str, *columns: str, by: str = "id") -> str:
    """A join with the row of a table whose primary key is `key`."""
    if _IS_SQLITE:
        return f"JOIN {table} {alias} ON {alias}.{by} = {key}"
    names = ", ".join(f'u."{column}"' for column in columns)
    row = f"SELECT {names} FROM {table} u WHERE u.{by} = {key} OFFSET 0"
    return f"CROSS JOIN LATERAL ({row}) {alias}"


def fetch(sql: str, keys: Collection[Any]) -> list[tuple[Any, ...]]:
    """The rows for these keys: one statement, whatever their number.

    It is fixed text, made of the pieces above: to build one the ORM takes longer than it runs.
    """
    given: Any = dumps([*keys]) if _IS_SQLITE else [*keys]
    with connection.cursor() if _IS_SQLITE else connection.lookup_cursor() as cursor:  # type: ignore[attr-defined]  # ours
        cursor.execute(sql, [given] * sql.count("%s"))
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def utc(moment: datetime) -> datetime:
    """A time of such a row: SQLite gives it without its zone, and all stored times are UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
