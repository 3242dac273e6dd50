"""Django's SQLite backend, with a fair queue for the write lock.

Threads and processes queue (`turns`) for transactions and for statements that write outside a
transaction. The first in the queue finds the lock free, unless a program that does not queue has it. It
then tries until it succeeds.

No thread waits inside SQLite, which keeps the mutex of the connection during a wait. Python's garbage
collector may free a cursor of that connection in any thread, and needs the mutex. If that was the
thread with the write lock, the whole process stood still until the wait failed.
"""

import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from django.db.backends.sqlite3 import base
from django.db.backends.utils import debug_transaction

from ade.db.sqlite.schema import DatabaseSchemaEditor
from ade.db.sqlite.turns import SHORT, Turns, turns_of
from ade.server import worker_slots

R = TypeVar("R")

# Seconds that an optional write waits at most.
short_wait: ContextVar[float] = ContextVar("short_wait", default=float("inf"))

# Seconds between two tries. Random, so that two processes do not keep colliding.
_PAUSE = (0.0005, 0.002)
_WAITABLE = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY)
# Statements that take no write lock, or do not write by themselves.
_READING = ("SELECT", "WITH", "VALUES", "EXPLAIN", "PRAGMA", "BEGIN", "COMMIT", "ROLLBACK")


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that queues for the write lock, for at most `timeout` (of OPTIONS) seconds."""

    SchemaEditorClass = DatabaseSchemaEditor
    _turns: Turns | None = None  # while this connection has the turn of its process

    def get_new_connection(self, conn_params: Any) -> sqlite3.Connection:
        made: sqlite3.Connection = super().get_new_connection(conn_params)
        made.execute("PRAGMA busy_timeout = 0")
        return made

    def create_cursor(self, name: str | None = None) -> "Cursor":
        cursor: Cursor = self.connection.cursor(factory=Cursor)
        cursor.wrapper = self
        return cursor

    def look_up(self, sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows."""
        with self.cursor() as cursor:
            cursor.execute(sql, params)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows

    def run(self, sql: str, statement: Callable[[], R]) -> R:
        """Run a statement. Outside a transaction it waits for the locks that it needs."""
        if self.connection.in_transaction:
            return statement()
        with _Wait(self._seconds) as wait:
            if sql.lstrip().upper().startswith(_READING):
                return wait.until(statement)
            with self._turn(wait):
                return wait.until(statement)

    def _start_transaction_under_autocommit(self) -> None:
        """Begin a transaction. Raises OperationalError if the lock is not free in time."""
        mode = self.transaction_mode  # type: ignore[attr-defined]  # not in the stubs
        begin = f"BEGIN {mode or ''}"
        with (
            debug_transaction(self, begin),
            self.wrap_database_errors,
            _Wait(self._seconds) as wait,
        ):
            self._take_turn(wait)
            try:
                # Without a cursor of Django's: its error contains a reference cycle, which keeps the
                # cursor until garbage collection.
                wait.until(lambda: self.connection.execute(begin))
            except BaseException:
                self._give_turn()
                raise

    def _commit(self) -> None:
        if self.connection is not None:
            with (
                debug_transaction(self, "COMMIT"),
                self.wrap_database_errors,
                _Wait(self._seconds) as wait,  # for readers, where there is no WAL
            ):
                wait.until(self.connection.commit)
        self._give_turn()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]  # not in the stubs
        finally:
            if self.connection is None or not self.connection.in_transaction:
                self._give_turn()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]  # not in the stubs
        finally:
            self._give_turn()

    @property
    def _seconds(self) -> float:
        return min(float(self.settings_dict["OPTIONS"]["timeout"]), short_wait.get())

    @contextmanager
    def _turn(self, wait: "_Wait") -> Iterator[None]:
        self._take_turn(wait)
        try:
            yield
        finally:
            self._give_turn()

    def _take_turn(self, wait: "_Wait") -> None:
        if self.is_in_memory_db():
            return
        turns = turns_of(str(self.settings_dict["NAME"]))
        if not turns.take(wait.left(), wait.lend_slot):
            raise _locked()
        self._turns = turns

    def _give_turn(self) -> None:
        turns, self._turns = self._turns, None
        if turns is not None:
            turns.give()


class Cursor(base.SQLiteCursorWrapper):
    """Django's cursor, whose statements wait by the rules of its connection."""

    wrapper: DatabaseWrapper

    def execute(self, query: str, params: Any = None) -> Any:
        return self.wrapper.run(query, lambda: super(Cursor, self).execute(query, params))

    def executemany(self, query: str, param_list: Any) -> Any:
        rows = list(param_list)  # it may run again
        return self.wrapper.run(query, lambda: super(Cursor, self).executemany(query, rows))


class _Wait:
    """A wait outside SQLite with a limit in seconds. A long wait lends its worker slot to other requests."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._lend_at = time.monotonic() + SHORT
        self._lent: worker_slots.Slot | None = None

    def __enter__(self) -> "_Wait":
        return self

    def __exit__(self, *_: object) -> None:
        if self._lent is not None:
            self._lent.take_back()

    def until(self, attempt: Callable[[], R]) -> R:
        """Try until no other program has the lock."""
        while True:
            try:
                return attempt()
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode not in _WAITABLE or self.left() <= 0:
                    raise
            if time.monotonic() > self._lend_at:
                self.lend_slot()
            time.sleep(random.uniform(*_PAUSE))  # noqa: S311  # a pause need not be unpredictable

    def left(self) -> float:
        return self._end - time.monotonic()

    def lend_slot(self) -> None:
        if self._lent is None and (slot := worker_slots.current_slot()) is not None and slot.lend():
            self._lent = slot


def _locked() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_BUSY, "SQLITE_BUSY"
    return error
