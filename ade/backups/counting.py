"""Count tables and rows, in the same way for both kinds of database."""

from collections.abc import Callable, Iterable
from typing import Any

from django.db import connection

from ade.backups import FILLED_BY_MIGRATE, LEFT_OUT

Ask = Callable[[str], list[Any]]  # a statement to its rows


def ask(statement: str) -> list[Any]:
    """Return the rows of a statement, asked of the database in DATABASE_URL."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def kept_tables(tables: Iterable[str]) -> list[str]:
    """Return the tables that a backup contains, without the internal tables of SQLite's search."""
    names = sorted(set(tables) - set(LEFT_OUT))
    search = tuple(f"{name}_" for name in names if name.endswith("_search"))
    return [name for name in names if not name.startswith((*search, "sqlite_"))]


def count_rows(tables: Iterable[str], ask: Ask) -> dict[str, int]:
    """Return the number of rows of each table."""
    return {name: ask(f'SELECT count(*) FROM "{name}"')[0][0] for name in tables}


def migrations(ask: Ask) -> list[str]:
    """Return the applied migrations, as app.name."""
    rows = ask("SELECT app, name FROM django_migrations ORDER BY app, name")
    return list(dict.fromkeys(f"{app}.{name}" for app, name in rows))


def with_data(tables: Iterable[str], ask: Ask) -> list[str]:
    """Return the tables with rows that `migrate` did not make."""
    asked = [name for name in kept_tables(tables) if name not in FILLED_BY_MIGRATE]
    return [name for name in asked if ask(f'SELECT 1 FROM "{name}" LIMIT 1')]
