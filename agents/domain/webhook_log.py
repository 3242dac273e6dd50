"""The log that webhooks read: the changes of history, in their order, none missed.

Nothing is written for a webhook when something changes: the rows of history are the log, and each
webhook has a cursor in it. The number of a change is given under the lock of its agent or tag, so
numbers are in the order of what happened to each.

On PostgreSQL a lower number may be committed after a higher one. Who inserts a change holds a lock
on the table from before the number is given until it is committed; so once all who held that lock
when a number was seen have let go of it, every change up to that number is there or never will be.
On SQLite there is one writer at a time, and nothing to wait for.
"""

import time

from django.db import connection, transaction
from django.db.models import Max

from agents.errors import Conflict
from agents.jsontext import dumps, loads
from agents.models import Change, LogHead

_WRITERS = (
    "SELECT virtualtransaction FROM pg_locks WHERE locktype = 'relation'"
    " AND relation = 'agents_change'::regclass AND mode = 'RowExclusiveLock'"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND pid IS DISTINCT FROM pg_backend_pid()"
)
_PAUSE = 0.02  # seconds
_LOOKS = 5
_LONGEST = 5  # seconds that a new webhook waits for writers


def safe_end() -> int:
    """The number up to which the log can be read now.

    A long write holds it back, for as long as it takes, and what committed after it.
    """
    if connection.vendor == "sqlite":
        return _last()
    for _ in range(_LOOKS):
        safe, complete = _look()
        if complete:
            return safe
        time.sleep(_PAUSE)  # most writes are over by then
    return safe


def end_for_new() -> int:
    """A number such that whatever is committed from now on has a higher one.

    Call it in the transaction of who begins to read there. Raises Conflict where a long write does
    not end in time.
    """
    end = _last()
    before = _writers()
    deadline = time.monotonic() + _LONGEST
    while before & _writers():
        if time.monotonic() > deadline:
            raise Conflict("A long change is being written. Try again when it is done.")
        time.sleep(_PAUSE)
    return end


def _look() -> tuple[int, bool]:
    """How far it is safe, and whether that is all there is."""
    with transaction.atomic():
        LogHead.objects.bulk_create([LogHead(id=1)], ignore_conflicts=True)
        head = LogHead.objects.select_for_update().get(id=1)
        if head.pending > head.safe and not set(loads(head.writers)) & _writers():
            head.safe = head.pending
        if head.pending <= head.safe:
            # In this order: who comes after the number was read has a higher one.
            head.pending = max(head.safe, _last())
            writers = _writers()
            head.writers = dumps(sorted(writers))
            if not writers:
                head.safe = head.pending
        head.save(update_fields=["safe", "pending", "writers"])
        return head.safe, head.pending == head.safe


def _last() -> int:
    return Change.objects.aggregate(last=Max("id"))["last"] or 0


def _writers() -> set[str]:
    """Transactions that are about to write history, or have and may yet fail."""
    if connection.vendor == "sqlite":
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_WRITERS)
        return {str(row[0]) for row in cursor.fetchall()}
