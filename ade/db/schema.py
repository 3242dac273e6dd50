"""Find the migrations that the database lacks."""

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from functools import cache

from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

_SECONDS = 2.0  # that the database has to answer

_asker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="migrations")


def lacking() -> str:
    """Return a sentence with the missing migrations; "" if none is missing or the database fails.

    It uses a connection of its own, because the caller's transaction may be broken.
    """
    try:
        return _asker.submit(_ask).result(timeout=_SECONDS)
    except (DatabaseError, InterfaceError, NotInTime):
        return ""


def _ask() -> str:
    try:
        return sentence(missing())
    finally:
        connection.close()


def sentence(names: list[str]) -> str:
    """Return a sentence with these migrations, or ""."""
    return f"Migrations are missing: {', '.join(names)}." if names else ""


def missing() -> list[str]:
    """Return the migrations of this version that the database lacks, as `app.name`."""
    missing = _wanted() - set(MigrationRecorder(connection).applied_migrations())
    return sorted(f"{app}.{name}" for app, name in missing)


@cache
def _wanted() -> set[tuple[str, str]]:
    """Return the last migration of each app. Reading them from disk takes 0.1 s."""
    return set(MigrationLoader(None).graph.leaf_nodes())
