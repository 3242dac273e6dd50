"""Check with a very small write whether the database accepts writes."""

import sqlite3
import time
from pathlib import Path

from django.apps import apps
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from ade.ops.outage import Trouble

LOCK_SECONDS = (
    20.0  # for which another program may hold SQLite's write lock before writing counts as stopped
)

_IS_READ_ONLY = "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool"
_MAY_NOT_WRITE = """
SELECT EXISTS (
    SELECT FROM pg_class WHERE relname = ANY(%s) AND pg_table_is_visible(oid)
    AND NOT (has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT'))
)
"""
# The rows do not fit into so little memory, so they need room on the disk of the data for a moment; the
# message and its commit need room in the log. Neither leaves anything in a table.
_NEEDS_ROOM = """
SELECT count(*), pg_logical_emit_message(true, 'ade', 'ready') FROM generate_series(1, 10000)
"""
# When the write lock was first found taken while SQLite's log did not change, and its last change.
_stuck: tuple[float, int] | None = None


def find_trouble(connection: BaseDatabaseWrapper) -> Trouble | None:
    """Return what keeps the database from writing, or None. Raises the database's errors.

    Takes a millisecond or two. On SQLite it writes one page of the log, and never waits for the lock.
    """
    connection.ensure_connection()
    return _sqlite(connection) if connection.vendor == "sqlite" else _postgres(connection)


def _postgres(connection: BaseDatabaseWrapper) -> Trouble | None:
    tables = [model._meta.db_table for model in apps.get_models()]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_IS_READ_ONLY)
        if cursor.fetchone() == (True,):
            return Trouble.READ_ONLY
        cursor.execute(_MAY_NOT_WRITE, [tables])
        if cursor.fetchone() == (True,):
            return Trouble.DENIED
        cursor.execute("SET LOCAL work_mem = '64kB'")
        cursor.execute(_NEEDS_ROOM)
    return None


def _sqlite(connection: BaseDatabaseWrapper) -> Trouble | None:
    global _stuck  # of the process
    raw = connection.connection
    with connection.wrap_database_errors:
        (version,) = raw.execute("PRAGMA user_version").fetchone()
        try:
            raw.execute(f"PRAGMA user_version = {version:d}")  # the same value
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
        else:
            _stuck = None
            return None
    # Busy writers also keep the lock taken, but then the log changes.
    changed = _log_changed(str(connection.settings_dict["NAME"]))
    if _stuck is None or _stuck[1] != changed:
        _stuck = time.monotonic(), changed
    return Trouble.SLOW if time.monotonic() - _stuck[0] > LOCK_SECONDS else None


def forget() -> None:
    """Start again, as a new process does."""
    global _stuck
    _stuck = None


def _log_changed(database: str) -> int:
    """Return when SQLite's log was last written, in nanoseconds; 0 if there is no log."""
    try:
        return Path(f"{database}-wal").stat().st_mtime_ns
    except OSError:
        return 0
