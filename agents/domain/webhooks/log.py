"""Read the history as a log for webhooks: in order, and without missing a change.

A change writes nothing for webhooks. The rows of history are the log, and each webhook has a cursor
in it. A change gets its number under the lock of its agent or tag, so the numbers of each agent and
tag are in the order of events.

On PostgreSQL a lower number may be committed after a higher one. A transaction that inserts a change
locks the table before it gets the number and until it commits. So when all transactions that had this
lock when a number was seen have ended, every change up to that number is committed or never will be.
On SQLite there is one writer at a time, so there is nothing to wait for.
"""

import time

from django.db import connection, transaction
from django.db.models import Max

from agents.core.errors import Conflict
from agents.core.json_text import dumps, loads
from agents.models import Change, LogHead

_WRITERS = (
    "SELECT virtualtransaction FROM pg_locks WHERE locktype = 'relation'"
    " AND relation = 'agents_change'::regclass AND mode = 'RowExclusiveLock'"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND pid IS DISTINCT FROM pg_backend_pid()"
)
_PAUSE = 0.02  # seconds
_LOOKS = 5
_LONGEST_WAIT = 5  # seconds that a new webhook waits for writers


def safe_end() -> int:
    """Return the number up to which the log can be read now.

    A long write delays its own changes and those committed after it, until it ends.
    """
    if connection.vendor == "sqlite":
        return last()
    for _ in range(_LOOKS):
        safe, complete = _look()
        if complete:
            return safe
        time.sleep(_PAUSE)  # most writes end within this time
    return safe


def end_for_new() -> int:
    """Return a number that is lower than that of every change committed from now on.

    Call it in the transaction that stores it as a cursor. Raises Conflict if a long write does not
    end within 5 seconds.
    """
    end = last()
    before = _writers()
    deadline = time.monotonic() + _LONGEST_WAIT
    while before & _writers():
        if time.monotonic() > deadline:
            raise Conflict("A long change is still being written. Try again in a minute.")
        time.sleep(_PAUSE)
    return end


def _look() -> tuple[int, bool]:
    """Return how far the log can be read, and whether that is its end."""
    with transaction.atomic():
        LogHead.objects.bulk_create([LogHead(id=1)], ignore_conflicts=True)
        head = LogHead.objects.select_for_update().get(id=1)
        if head.pending > head.safe and not set(loads(head.writers)) & _writers():
            head.safe = head.pending
        if head.pending <= head.safe:
            # In this order: a writer that starts after the number was read gets a higher one.
            head.pending = max(head.safe, last())
            writers = _writers()
            head.writers = dumps(sorted(writers))
            if not writers:
                head.safe = head.pending
        head.save(update_fields=["safe", "pending", "writers"])
        return head.safe, head.pending == head.safe


def last() -> int:
    """Return the number of the last committed change."""
    return Change.objects.aggregate(last=Max("id"))["last"] or 0


def _writers() -> set[str]:
    """Return the open transactions that are about to write history or have written some."""
    if connection.vendor == "sqlite":
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_WRITERS)
        return {str(row[0]) for row in cursor.fetchall()}
