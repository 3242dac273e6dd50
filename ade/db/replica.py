"""Reads from replicas: which connection a read uses, and how far the replica is behind.

Replicas are usually milliseconds behind, but hours if something is wrong. ADE does not trust a replica's
own clock: every second each process asks the primary for its clock and its position in the log (a
sample). A replica that has replayed the log up to a sample has every commit before that moment.

Without REPLICA_URL none of this runs.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, TypeVar, cast

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpResponse
from psycopg import errors

R = TypeVar("R", bound=HttpResponse)

_log = logging.getLogger(__name__)

PRIMARY, REPLICA = "default", "replica"
ON = bool(settings.REPLICA_URL)

CHECK_SECONDS = 1.0  # between two samples of a process, and two looks at a thread's copy
RETRY_SECONDS = 5.0  # how long a process leaves copies alone after it lost one

_reading: ContextVar[bool] = ContextVar("reading", default=False)


def alias() -> str:
    """Return the database that a read uses now. Inside a write it is always the primary."""
    if _reading.get() and not connections[PRIMARY].in_atomic_block:
        return REPLICA
    return PRIMARY


class _Reading:
    """Like `django.db.connection`, but the connection of `alias()`."""

    def __getattr__(self, name: str) -> Any:
        return getattr(connections[alias()], name)


connection = cast(BaseDatabaseWrapper, _Reading())


class Router:
    """Tells Django which database a query uses."""

    def db_for_read(self, model: type[models.Model], **hints: object) -> str:
        return alias() if model._meta.app_label in settings.REPLICA_APPS else PRIMARY

    def db_for_write(self, model: type[models.Model], **hints: object) -> str:
        return PRIMARY

    def allow_relation(self, *rows: models.Model, **hints: object) -> bool:
        return True  # both are the same database

    def allow_migrate(self, db: str, app_label: str, **hints: object) -> bool:
        return db == PRIMARY


# --- How far a replica is behind --------------------------------------------------------------------

_SAMPLE = """
SELECT extract(epoch FROM statement_timestamp())::float8,
       pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint
"""
_REPLAYED = """
SELECT pg_is_in_recovery(), pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::bigint
"""


class Samples:
    """Samples of the primary: its clock in seconds since 1970, and its position in the log."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Replaced, never changed, so that they can be read without the lock.
        self._taken: tuple[tuple[float, int], ...] = ()
        self._clocks: tuple[float, float] | None = None  # the primary's and ours, at the newest

    def take(self) -> None:
        """Take a sample, at most once a second. If another thread is doing that, return at once."""
        if self._clocks and time.monotonic() - self._clocks[1] < CHECK_SECONDS:
            return
        if not self._lock.acquire(blocking=False):
            return
        try:
            with connections[PRIMARY].cursor() as cursor:
                cursor.execute(_SAMPLE)
                moment, place = cursor.fetchone()
            oldest = moment - settings.REPLICA_MAX_LAG - CHECK_SECONDS
            kept = [sample for sample in self._taken if oldest <= sample[0] < moment]
            self._taken = (*kept, (moment, place))
            self._clocks = moment, time.monotonic()
        finally:
            self._lock.release()

    def now(self) -> float | None:
        """Return the primary's clock, or None before the first sample."""
        if self._clocks is None:
            return None
        moment, looked = self._clocks
        return moment + time.monotonic() - looked

    def is_behind(self, place: int) -> bool:
        """True if a replica at this position is more than REPLICA_MAX_LAG behind."""
        now = self.now()
        if now is None:
            return False
        moment, at = self._taken[0]
        return moment <= now - settings.REPLICA_MAX_LAG and at > place

    def reached(self, place: int) -> float | None:
        """Return the latest moment whose earlier commits all lie before this position."""
        return max((moment for moment, at in self._taken if at <= place), default=None)


samples = Samples()


class _Replica(threading.local):
    """The replica that this thread is connected to. Threads may be connected to different ones."""

    of: object = None  # the connection that `place` belongs to
    looked = 0.0
    place: int | None = None
    not_before = 0.0  # no new connection until then


_replica = _Replica()
_connecting = threading.Lock()
_left_alone_until = 0.0


def has_all_since(moment: float | None) -> bool:
    """True if a replica can be read that is not too far behind and has every commit up to `moment`."""
    if time.monotonic() < _left_alone_until:
        return False
    try:
        samples.take()
        place = _place()
    except (DatabaseError, InterfaceError):
        # Also the primary during a failover: then the request itself reports it.
        lose()
        return False
    if place is None:
        return False
    if samples.is_behind(place):
        _leave(RETRY_SECONDS)  # another replica may be less far behind
        return False
    now, reached = samples.now(), samples.reached(place)
    if now is None or reached is None:
        return False
    return reached >= max(now - settings.REPLICA_MAX_LAG, moment or 0.0)


def _place() -> int | None:
    """Return the position that this thread's replica has replayed, at most a second old; None if there is no replica."""
    copy = connections[REPLICA]
    if copy.connection is None and not _connect(copy):
        return None
    if copy.connection is _replica.of and time.monotonic() - _replica.looked < CHECK_SECONDS:
        return _replica.place
    with copy.cursor() as cursor:
        cursor.execute(_REPLAYED)
        in_recovery, place = cursor.fetchone()
    if not in_recovery:  # it was promoted and is no replica any more
        _leave(CHECK_SECONDS)
        return None
    _replica.of, _replica.looked, _replica.place = copy.connection, time.monotonic(), place
    return _replica.place


def _connect(copy: BaseDatabaseWrapper) -> bool:
    """Connect to a replica. Only one thread at a time waits for it; the others read the primary."""
    if time.monotonic() < _replica.not_before or not _connecting.acquire(blocking=False):
        return False
    try:
        copy.ensure_connection()
    finally:
        _connecting.release()
    return True


def lose() -> None:
    """Close this thread's connection. The process reads from the primary for RETRY_SECONDS."""
    global _left_alone_until  # one flag of the process, read without a lock
    _left_alone_until = time.monotonic() + RETRY_SECONDS
    _log.warning("No replica to read from: the primary is asked for %d seconds", RETRY_SECONDS)
    _leave(0.0)


def _leave(seconds: float) -> None:
    """Close this thread's connection. After `seconds` it may connect again, to a random replica."""
    _replica.of, _replica.not_before = None, time.monotonic() + seconds
    with suppress(DatabaseError, InterfaceError):
        connections[REPLICA].close()


# --- Asking it ------------------------------------------------------------------------------


@contextmanager
def reading() -> Iterator[None]:
    """Let reads inside use a replica."""
    token = _reading.set(True)
    try:
        yield
    finally:
        _reading.reset(token)


def from_replica(ask: Callable[[], R]) -> R | None:
    """Return the answer of a replica, or None if the primary must be asked.

    An error of a replica is never the answer: the replica may be behind ("there is no such agent"),
    cancel a query that conflicts with replication, or be gone. Only a query that took too long is not
    repeated, because it would take as long on the primary.
    """
    try:
        with reading():
            response = ask()
    except Exception as error:  # the primary's own error is the one to show
        if _took_too_long(error):
            raise
        if isinstance(error, DatabaseError | InterfaceError) and _is_broken():
            lose()
        return None
    return response if response.status_code < 400 else None


def _took_too_long(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, errors.QueryCanceled):
            return True
        error = error.__cause__
    return False


def _is_broken() -> bool:
    copy = connections[REPLICA].connection
    return copy is None or copy.closed or copy.broken
