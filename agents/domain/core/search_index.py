"""Update the search index with the rows.

PostgreSQL has trigram indexes on the folded columns and needs nothing here. SQLite has FTS5 trigram
tables. They are updated here and not by triggers, because Django rebuilds tables on SQLite, which
drops the triggers.
"""

from collections.abc import Iterable, Sequence

from django.db import connection

AGENT_INDEX = "agents_agent_search"
TAG_INDEX = "agents_tag_search"


def index_rows(table: str, rows: Sequence[tuple[int, str]]) -> None:
    """Add (key, folded text) pairs to the index, or replace them."""
    if connection.vendor != "sqlite" or not rows:
        return
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT OR REPLACE INTO {table} (rowid, folded) VALUES (%s, %s)",  # noqa: S608 ours
            rows,
        )


def forget_rows(table: str, keys: Iterable[int]) -> None:
    """Remove keys from the index."""
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.executemany(
            f"DELETE FROM {table} WHERE rowid = %s",  # noqa: S608 ours
            [(key,) for key in keys],
        )
