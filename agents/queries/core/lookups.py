"""Look up rows of a page's agents by key, with SQL for which planners have only one good plan.

Without statistics, or with statistics from a time with few agents, PostgreSQL expects a million rows
for fifty agents and joins whole tables. A LATERAL with a limit makes it look up one row after the
other, as SQLite does by itself. With only one good plan, PostgreSQL can keep it and skip planning,
which takes longer than reading (`lookup_cursor` in ade/db/postgres/base.py).
"""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from ade.db import statements
from ade.db.statements import IS_SQLITE as _IS_SQLITE
from ade.db.statements import listed

# A limit that no result reaches.
_ALL = 10**9

# Condition that a column is one of the keys given to `fetch`.
IN_KEYS, IN_NAMES = statements.IN_IDS, statements.IN_NAMES


def of_agents(table: str, alias: str, column: str, *more: str) -> str:
    """Return a FROM with the table's rows of the given agents: `agent_id`, `column` and `more` columns.

    The first two columns must follow each other in an index of the table.
    """
    names = ", ".join(f"z.{name}" for name in ("agent_id", column, *more))
    columns = f"{names} FROM {table} z WHERE z.agent_id"
    if _IS_SQLITE:
        return f"(SELECT {columns} {IN_KEYS}) {alias}"
    return (
        f"unnest(%s::bigint[]) k CROSS JOIN LATERAL"
        f" (SELECT {columns} = k ORDER BY z.{column} LIMIT {_ALL}) {alias}"
    )


def looked_up(table: str, alias: str, key: str, *columns: str, by: str = "id") -> str:
    """Return a join with the table's row whose primary key is `key`."""
    if _IS_SQLITE:
        return f"JOIN {table} {alias} ON {alias}.{by} = {key}"
    names = ", ".join(f'u."{column}"' for column in columns)
    row = f"SELECT {names} FROM {table} u WHERE u.{by} = {key} OFFSET 0"
    return f"CROSS JOIN LATERAL ({row}) {alias}"


def fetch(sql: str, keys: Collection[Any]) -> list[tuple[Any, ...]]:
    """Return the rows for these keys with one statement.

    The SQL is fixed text from the functions above: the ORM takes longer to build such a statement than
    the database to run it.
    """
    return statements.fetch(sql, [listed(keys)] * sql.count("%s"))


def utc(moment: datetime) -> datetime:
    """Return a time of such a row with its zone. SQLite returns it without; all stored times are UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
