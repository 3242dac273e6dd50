"""What is wrong with the database: one table for both, by SQLSTATE and by SQLite's error code.

Used to answer requests and to decide whether work is retried (`is_passing`). Nothing here asks the
database, except for missing migrations when a table is missing.
"""

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from enum import Enum
from typing import Any

import psycopg
from django.db import DatabaseError, Error, InterfaceError
from django.db.backends.base.base import BaseDatabaseWrapper

from ade.db import schema
from ade.ops import metrics, runtime_folder

RETRY_SECONDS = 5
# The end of an answer to a write: it is certain that nothing was saved, or part of the request may be
# saved, for example because a connection broke during a commit.
NOTHING = "Nothing was saved."
LOOK = "A change may not have been saved: look, then try again."


class Trouble(Enum):
    """A kind of fault: a headline, a sentence, and whether the fault may pass by itself."""

    AWAY = "The database is unavailable", "The database cannot be reached.", True
    BUSY = "ADE is busy", "Others changed the same data at the same moment.", True
    SLOW = "ADE is busy", "This took the database too long, so it was stopped.", True
    FULL = "The disk is full", "The disk of the database is full.", True
    DISK = "The disk fails", "The database cannot read or write its files.", True
    READ_ONLY = "Read-only", "The database accepts no changes at the moment.", True
    DAMAGED = (
        "The database is damaged",
        "The database is damaged. An operator must repair it.",
        False,
    )
    DENIED = (
        "No permission",
        "The database denies ADE a permission. An operator must grant it.",
        False,
    )
    OUTDATED = "Migrations are missing", "The database does not fit this version of ADE.", False

    def __init__(self, headline: str, sentence: str, passing: bool) -> None:
        self.headline, self.sentence, self.passing = headline, sentence, passing


# PostgreSQL's SQLSTATE or its class. A whole SQLSTATE goes first.
_STATES = {
    "08": Trouble.AWAY,  # connection lost or refused
    "25": Trouble.AWAY,  # a transaction that the server, or a pooler, has ended
    "25006": Trouble.READ_ONLY,  # a standby, or default_transaction_read_only
    "25P03": Trouble.SLOW,
    "25P04": Trouble.SLOW,
    "28": Trouble.AWAY,  # signing in to it
    "3D000": Trouble.AWAY,  # no such database
    "40": Trouble.BUSY,  # deadlock, could not serialise
    "40003": Trouble.AWAY,  # nobody knows whether it was done
    "42501": Trouble.DENIED,
    "42P01": Trouble.OUTDATED,  # no such table
    "42703": Trouble.OUTDATED,  # no such column
    "42883": Trouble.OUTDATED,  # no such function
    "42704": Trouble.OUTDATED,  # no such type or index
    "3F000": Trouble.OUTDATED,  # no such schema
    "53": Trouble.AWAY,  # no room for connections or memory
    "53100": Trouble.FULL,
    "55P03": Trouble.SLOW,  # a lock
    "57": Trouble.AWAY,  # being started or stopped
    "57014": Trouble.SLOW,
    "58": Trouble.DISK,
    "58P01": Trouble.DAMAGED,  # a file of it is gone
    "72000": Trouble.SLOW,
    "F0": Trouble.AWAY,  # its configuration
    "XX": Trouble.DAMAGED,
}
# SQLite's error code, extended or its last byte. An extended code goes first.
_CODES = {
    sqlite3.SQLITE_PERM: Trouble.DENIED,
    sqlite3.SQLITE_AUTH: Trouble.DENIED,
    sqlite3.SQLITE_BUSY: Trouble.SLOW,
    sqlite3.SQLITE_LOCKED: Trouble.SLOW,
    sqlite3.SQLITE_PROTOCOL: Trouble.SLOW,
    sqlite3.SQLITE_INTERRUPT: Trouble.SLOW,
    sqlite3.SQLITE_READONLY: Trouble.READ_ONLY,
    sqlite3.SQLITE_IOERR: Trouble.DISK,
    sqlite3.SQLITE_CANTOPEN: Trouble.AWAY,
    sqlite3.SQLITE_FULL: Trouble.FULL,
    sqlite3.SQLITE_CORRUPT: Trouble.DAMAGED,
    sqlite3.SQLITE_NOTADB: Trouble.DAMAGED,
    sqlite3.SQLITE_FORMAT: Trouble.DAMAGED,
    sqlite3.SQLITE_IOERR_CORRUPTFS: Trouble.DAMAGED,
}
# Errors that Django, the drivers and ADE raise themselves, without a code.
_TEXTS = {
    "database is locked": Trouble.SLOW,
    "interrupted": Trouble.SLOW,
    "database or disk is full": Trouble.FULL,
    "attempt to write a readonly database": Trouble.READ_ONLY,
    "unable to open database file": Trouble.AWAY,
    "disk i/o error": Trouble.DISK,
    "no such table": Trouble.OUTDATED,
    "no such column": Trouble.OUTDATED,
    "connection is closed": Trouble.AWAY,
    "connection already closed": Trouble.AWAY,
}
_WITHOUT_CODE = {"DatabaseError", "InterfaceError", "OperationalError"}
# A probe may not find one damaged page or one full table. Seconds for which a request's find counts.
_REMEMBERED = {
    Trouble.DAMAGED: 60.0,
    Trouble.FULL: 10.0,
    Trouble.DISK: 10.0,
    Trouble.DENIED: 10.0,
}
_seen: dict[Trouble, float] = {}
_reported_at = 0.0
_PAUSE_SECONDS = 30.0
_paused_until = 0.0
_saved = ContextVar("saved", default=False)  # a write of this request is committed
_asked = ContextVar("asked", default=True)  # the database did something for this request
_reads = ContextVar("reads", default=False)  # the request only reads
log = logging.getLogger(__name__)


def trouble(error: BaseException | None) -> Trouble | None:
    """Return what is wrong with the database, or None if the error is about something else."""
    while error is not None:
        if isinstance(error, Error | psycopg.Error | sqlite3.Error):
            cause = error.__cause__
            known = isinstance(cause, psycopg.Error | sqlite3.Error)
            return _trouble_of(cause if known else error)  # type: ignore[arg-type]  # as `known` says
        error = error.__cause__
    return None


def _trouble_of(error: BaseException) -> Trouble | None:
    """Classify by the driver's code, or by text and type if the error has none."""
    if state := getattr(error, "sqlstate", None):
        return _STATES.get(state, _STATES.get(state[:2]))
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if code != sqlite3.SQLITE_ERROR:  # the code for any error
        return _CODES.get(code, _CODES.get(code & 0xFF))
    if type(error).__name__ not in _WITHOUT_CODE:
        return None
    for text, found in _TEXTS.items():
        if text in str(error).lower():
            return found
    # PostgreSQL sent no error: there is no connection, or it was lost.
    return Trouble.AWAY if isinstance(error, psycopg.OperationalError) else None


def is_passing(error: BaseException | None) -> bool:
    """True if the same work may succeed later, unchanged: try it again, with growing pauses.

    So it is with a lost or refused connection, a lock held by someone else, a deadlock, a statement
    that took too long, a full disk and a read-only server. The transaction that failed is undone,
    except that a COMMIT whose connection broke may have been done: look before writing again.
    False for what somebody has to repair first (a damaged database, a missing migration or
    permission), for IntegrityError and DataError, and for every error that is not the database's.
    """
    found = trouble(error)
    return found is not None and found.passing


def begin(*, reads: bool = False) -> None:
    """Begin a request. `reads=True`: it only reads."""
    _saved.set(False)
    _asked.set(False)
    _reads.set(reads)


def end() -> None:
    """End the request: what this thread does next is not part of it."""
    _reads.set(False)


def saved() -> None:
    """Note that a write of this request is committed."""
    _saved.set(True)


def watch(connection: BaseDatabaseWrapper, **_: object) -> None:
    """Note the first statement of each request; a receiver of `connection_created`."""
    if _noted not in connection.execute_wrappers:
        connection.execute_wrappers.append(_noted)


def _noted(
    execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    if not _asked.get() and not context["connection"].in_atomic_block and not _only_reads(sql):
        _asked.set(True)  # it commits by itself, answered or not
    result = execute(sql, params, many, context)
    _asked.set(True)
    return result


def _only_reads(sql: str) -> bool:
    return str(sql).lstrip()[:6].upper() == "SELECT"


def sentence_for(error: BaseException | None) -> str | None:
    """Return the sentence for an answer with status 503, or None if the error is not the database's."""
    found = trouble(error)
    if found is None:
        return None
    parts = [found.sentence, _ending(found)]
    if found is Trouble.OUTDATED:
        lacking = schema.lacking()
        if not lacking:  # a mistake in the code
            return None
        parts.insert(1, lacking)
    return " ".join(filter(None, parts))


def _ending(found: Trouble) -> str:
    """Return what became of the changes of the request; "" for a read."""
    if _reads.get():
        return ""
    # With any other error the database confirms that it did nothing. After a disk error SQLite does not
    # know how much it wrote.
    unsure = found in (Trouble.AWAY, Trouble.DISK, Trouble.DAMAGED) and _asked.get()
    return LOOK if _saved.get() or unsure else NOTHING


def headline(error: BaseException) -> str:
    """Return the heading above the sentence."""
    return (trouble(error) or Trouble.AWAY).headline


def are_optional_writes_paused() -> bool:
    """True for 30 seconds after an optional write failed."""
    return time.monotonic() < _paused_until


@contextmanager
def optional_write() -> Iterator[None]:
    """Ignore a database error in a write that the request does not need. Not inside a transaction.

    A full disk or a held lock then stops no reader.
    """
    try:
        yield
    except (DatabaseError, InterfaceError) as error:
        if not may_skip(error):
            raise


def may_skip(error: BaseException | None) -> bool:
    """True if an optional write failed because of the database. Then such writes pause for a while."""
    global _paused_until  # of all threads of the process
    if error is None or sentence_for(error) is None:
        return False
    report(error)
    _paused_until = time.monotonic() + _PAUSE_SECONDS
    return True


def report(error: BaseException) -> None:
    """Log what is wrong with the database. Count it, unless it was only too busy."""
    global _reported_at  # of all threads of the process
    found, text = trouble(error), " ".join(str(error).split())
    _reported_at = time.monotonic()
    if found in (Trouble.SLOW, Trouble.BUSY):
        log.warning("The database took too long: %s", text)
        return
    metrics.OUTAGES.inc()
    if found in _REMEMBERED:
        _remember(found)
    level = logging.WARNING if found is Trouble.AWAY else logging.ERROR
    log.log(level, "%s: %s", (found or Trouble.AWAY).headline, text)


def reported_since(moment: float) -> bool:
    """True if a request of this process had trouble after that moment (`time.monotonic`)."""
    return _reported_at > moment


def recent_trouble() -> Trouble | None:
    """Return what requests of this server found lately, which a probe may not find."""
    now = time.time()
    recent = (kind for kind, seconds in _REMEMBERED.items() if now - _seen_at(kind) < seconds)
    return next(recent, None)


def forget() -> None:
    """Start again, as a new process does."""
    global _reported_at, _paused_until
    _reported_at = _paused_until = 0.0
    _seen.clear()


def _remember(found: Trouble) -> None:
    _seen[found] = time.time()
    if folder := runtime_folder.folder():
        with suppress(OSError):  # no room
            (folder / f"trouble-{found.name}").touch()  # for the other processes


def _seen_at(found: Trouble) -> float:
    """Return when a request last found it, in seconds since 1970; 0.0 for never."""
    seen = 0.0
    if folder := runtime_folder.folder():
        with suppress(OSError):
            seen = (folder / f"trouble-{found.name}").stat().st_mtime
    return max(seen, _seen.get(found, 0.0))


class NoOutageFilter(logging.Filter):
    """Drops Django's log record of each 503: `report` and the request's line say it already."""

    def filter(self, record: logging.LogRecord) -> bool:
        return getattr(record, "status_code", None) != 503
