"""Requests with an `Idempotency-Key`, which are carried out once, however often they are sent.

The row is written in the transaction of the write. On PostgreSQL, an advisory lock stops two requests
with one key from running at once: the second gets an error and can retry. On SQLite writers queue.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from agents.core.errors import Conflict, Invalid, StillRunning
from agents.core.json_text import dumps, loads
from agents.core.limits import IDEMPOTENCY_ROWS, IDEMPOTENCY_SECONDS
from agents.models import IdempotentRequest

_REMOVED = 100  # old rows that one write deletes


@dataclass(frozen=True, slots=True)
class Once:
    """A request to carry out once. The digests are SHA-256 in hexadecimal."""

    caller: str
    key_digest: str
    request_digest: str


@dataclass(frozen=True, slots=True)
class Earlier:
    """The result of an earlier request: its status and the ids of what it created."""

    status: int
    made: list[str]


class AlreadyDone(Conflict):
    """The request was already carried out."""

    def __init__(self, earlier: Earlier) -> None:
        super().__init__("This request was already carried out.")
        self.earlier = earlier


def find(once: Once) -> Earlier | None:
    """Return the result of the same earlier request. Raises Invalid if the key was used for another one."""
    row = _rows(once).filter(created_at__gte=_oldest(timezone.now())).first()
    if row is None:
        return None
    if row.request_digest != once.request_digest:
        raise Invalid(
            "This Idempotency-Key was used for another request. Use a new key for each request.",
            field="Idempotency-Key",
        )
    return Earlier(row.status, loads(row.made))


def begin(once: Once) -> None:
    """Check that the request is new. Call it first in the transaction of the write.

    Raises AlreadyDone, StillRunning (another transaction is carrying it out), and as `find`.
    """
    if connection.vendor == "postgresql":
        number = int.from_bytes(
            hashlib.sha256(f"{once.caller} {once.key_digest}".encode()).digest()[:8], signed=True
        )
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
            if not cursor.fetchone()[0]:
                raise StillRunning("The first request with this Idempotency-Key is still running.")
    if (earlier := find(once)) is not None:
        raise AlreadyDone(earlier)


def record(once: Once, *, status: int, made: Sequence[str]) -> None:
    """Store what the request created, in the same transaction. Deletes some expired rows."""
    now = timezone.now()
    _rows(once).delete()  # `begin` found none that is still valid
    of_caller = IdempotentRequest.objects.filter(caller=once.caller)
    too_many = of_caller.order_by("-created_at", "-id")[
        IDEMPOTENCY_ROWS - 1 : IDEMPOTENCY_ROWS - 1 + _REMOVED
    ]
    too_old = expired(now).filter(caller=once.caller).order_by("created_at")[:_REMOVED]
    _remove({*too_many.values_list("id", flat=True), *too_old.values_list("id", flat=True)})
    IdempotentRequest.objects.create(
        caller=once.caller,
        key_digest=once.key_digest,
        request_digest=once.request_digest,
        status=status,
        made=dumps(list(made)),
        created_at=now,
    )


def expired(now: datetime) -> QuerySet[IdempotentRequest]:
    """Rows that have expired."""
    return IdempotentRequest.objects.filter(created_at__lt=_oldest(now))


def _remove(ids: set[int]) -> None:
    """Delete rows, except those that another write is deleting."""
    if ids:
        rows = IdempotentRequest.objects.filter(id__in=ids)
        free = list(rows.select_for_update(skip_locked=True).values_list("id", flat=True))
        IdempotentRequest.objects.filter(id__in=free).delete()


def _rows(once: Once) -> QuerySet[IdempotentRequest]:
    return IdempotentRequest.objects.filter(caller=once.caller, key_digest=once.key_digest)


def _oldest(now: datetime) -> datetime:
    return now - timedelta(seconds=IDEMPOTENCY_SECONDS)
