"""What ANALYZE counted: on SQLite ADE is better off without.

SQLite takes its counts for the truth until the next ANALYZE: with those of a day when there were
twenty agents it reads all of a million to sort them, as that looks cheaper than an index. Without
counts it expects tables to be large, and takes the indexes that each list was made for.
"""

from django.db.backends.base.base import BaseDatabaseWrapper


def forget(connection: BaseDatabaseWrapper) -> None:
    """Drop the counts, if there are any; every connection sees that by its next statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM sqlite_schema WHERE name IN ('sqlite_stat1', 'sqlite_stat4')"
        )
        found = [row[0] for row in cursor.fetchall()]
        for table in found:
            cursor.execute(f"DROP TABLE {table}")
        if found:
            cursor.execute("ANALYZE sqlite_schema")  # this connection, too: it reads what is left
