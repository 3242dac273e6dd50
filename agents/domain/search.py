"""What search reads, written with the rows it finds.

PostgreSQL has trigram indexes on the folded columns and needs nothing here. SQLite has FTS5 tables
of trigrams beside them, written here and not by triggers: Django rebuilds tables on SQLite, and a
rebuilt table has lost its triggers.
"""

from collections.abc import Iterable, Sequence

from django.db import connection

AGENT_INDEX = "agents_agent_search"
TAG_INDEX = "agents_tag_search"


def index_rows(table: str, rows: Sequence[tuple[int, str]]) -> None:
    """Make (key, folded text) pairs findable; a key that is there is replaced."""
    if connection.vendor != "sqlite" or not rows:
        return
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT OR REPLACE INTO {table} (rowid, folded) VALUES (%s, %s)",  # noqa: S608 ours
            rows,
        )


def forget_rows(table: str, keys: Iterable[int]) -> None:
    """Take keys out of the index."""
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.executemany(
            f"DELETE FROM {table} WHERE rowid = %s",  # noqa: S608 ours
            [(key,) for key in keys],
        )
