"""The database is away, full or busy: what a caller is told, without asking the database."""

import logging
import re

from django.db import InterfaceError, OperationalError

from ade import metrics

# PostgreSQL: connection lost or refused; no room for connections, memory or disk; being stopped.
_STATES = re.compile(r"08...|53...|57P0[1-4]|58030")
# SQLite has no codes here but its texts.
_SQLITE = (
    "unable to open database file",
    "database is locked",
    "database or disk is full",
    "disk i/o error",
    "attempt to write a readonly database",
)
RETRY_SECONDS = 5
MESSAGE = "The database cannot be reached just now. Nothing was saved; try again in a moment."

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


def note(error: BaseException) -> None:
    """Log and count that a request found no database."""
    metrics.OUTAGES.inc()
    log.warning("The database is away: %s", " ".join(str(error).split()))


class NoOutageFilter(logging.Filter):
    """Leaves out what Django says of each 503, tracebacks too: `note` and the request's line do."""

    def filter(self, record: logging.LogRecord) -> bool:
        return getattr(record, "status_code", None) != 503
