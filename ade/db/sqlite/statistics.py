"""Statistics of ANALYZE: on SQLite ADE works better without them.

SQLite trusts the statistics until the next ANALYZE. With those of twenty agents it sorts a million, as
that looks cheaper than an index. Without statistics it expects large tables, and uses the index that
each list was made for.
"""

from django.db.backends.base.base import BaseDatabaseWrapper


def forget(connection: BaseDatabaseWrapper) -> None:
    """Drop the statistics. Every connection notices with its next statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM sqlite_schema WHERE name IN ('sqlite_stat1', 'sqlite_stat4')"
        )
        found = [row[0] for row in cursor.fetchall()]
        for table in found:
            cursor.execute(f"DROP TABLE {table}")
        if found:
            cursor.execute("ANALYZE sqlite_schema")  # this connection, too: it reads what is left
