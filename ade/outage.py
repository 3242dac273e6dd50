"""The database is away, full, busy or slow: what a caller is told, without asking the database."""

import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db import InterfaceError, OperationalError

from ade import metrics

# PostgreSQL: connection lost or refused; no room for connections, memory or disk; being stopped.
_STATES = re.compile(r"08...|53...|57P0[1-4]|58030")
# PostgreSQL: a statement, a lock or a transaction took longer than it may.
_SLOW = {"57014", "55P03", "25P03"}
_FULL = "53100"
# SQLite has no codes here but its texts.
_SQLITE_FULL = "database or disk is full"
_SQLITE = (
    "unable to open database file",
    "database is locked",
    _SQLITE_FULL,
    "disk i/o error",
    "attempt to write a readonly database",
)
# A statement that was ended; a wait for the write lock, before which nothing is written.
_SQLITE_SLOW = ("interrupted", "database is locked")
RETRY_SECONDS = 5
# How each of them ends: where it is certain, and where part of the request was done before, or a
# lost connection does not say whether its last commit held.
NOTHING = "Nothing was saved."
LOOK = "A change may not have been saved: look, then try again."
FULL = "The disk of the database is full."
TOO_LONG = "This took the database too long, so it was stopped."
MESSAGE = f"The database cannot be reached. {LOOK}"

_REST_SECONDS = 30.0
_rests_until = 0.0
_saved = ContextVar("saved", default=False)
log = logging.getLogger(__name__)


def is_outage(error: BaseException | None) -> bool:
    """True if the database could not do this now, and may by itself later."""
    if isinstance(error, OperationalError):
        cause = error.__cause__
        if not type(cause).__module__.startswith("psycopg"):
            return any(text in str(error).lower() for text in _SQLITE)
        state = getattr(cause, "sqlstate", None)
        # Without a code the server said nothing: no connection, or no longer one.
        return state is None or _STATES.fullmatch(state) is not None
    if isinstance(error, InterfaceError):
        return "connection" in str(error) and "closed" in str(error)
    return False


def is_too_long(error: BaseException | None) -> bool:
    """True if the database was not given the time that this would take (`STATEMENT_SECONDS`)."""
    if not isinstance(error, OperationalError):
        return False
    state = getattr(error.__cause__, "sqlstate", None)
    return state in _SLOW or (state is None and str(error) in _SQLITE_SLOW)


def is_full(error: BaseException | None) -> bool:
    """True if there was no room for a write: its transaction is undone, reads go on."""
    if not isinstance(error, OperationalError):
        return False
    state = getattr(error.__cause__, "sqlstate", None)
    return state == _FULL or (state is None and str(error) == _SQLITE_FULL)


def begin() -> None:
    """Say that a request begins, of which nothing is saved yet."""
    _saved.set(False)


def saved() -> None:
    """Say that a write of this request is committed, whatever comes after it."""
    _saved.set(True)


def told(error: BaseException | None) -> str | None:
    """What to tell of an error, with status 503, where it is the database's and may pass."""
    ending = LOOK if _saved.get() else NOTHING
    if is_too_long(error):
        return f"{TOO_LONG} {ending}"
    if is_full(error):
        return f"{FULL} {ending}"
    return MESSAGE if is_outage(error) else None


def resting() -> bool:
    """True for some seconds after a write failed that nobody needs: it is not tried now."""
    return time.monotonic() < _rests_until


@contextmanager
def forgiven() -> Iterator[None]:
    """A write that whoever reads does not need; where the database cannot do it, it is left undone.

    Not inside a transaction. A full disk or a lock that is held thus stops no reader. Ask `resting`
    first, or each reader waits for that lock.
    """
    try:
        yield
    except (InterfaceError, OperationalError) as error:
        if not forgives(error):
            raise


def forgives(error: BaseException | None) -> bool:
    """True if it may pass, and is the database's; then such writes rest for a while."""
    global _rests_until  # of all threads of the process
    if error is None or told(error) is None:
        return False
    note(error)
    _rests_until = time.monotonic() + _REST_SECONDS
    return True


def headline(error: BaseException) -> str:
    """The same in a few words, above it."""
    if is_too_long(error):
        return "Too much at once"
    return "The disk is full" if is_full(error) else "The database is away"


def note(error: BaseException) -> None:
    """Log that a request found no database, and count it, or that it took too long there."""
    text = " ".join(str(error).split())
    if is_too_long(error):
        log.warning("The database took too long: %s", text)
        return
    if is_full(error):
        log.error("The disk of the database is full: %s", text)
        return
    metrics.OUTAGES.inc()
    log.warning("The database is away: %s", text)


class NoOutageFilter(logging.Filter):
    """Leaves out what Django says of each 503, tracebacks too: `note` and the request's line do."""

    def filter(self, record: logging.LogRecord) -> bool:
        return getattr(record, "status_code", None) != 503
