"""Worker slots: how many requests a process works on at once, and their database connections.

The web server has many more threads, because a thread waits for as long as a body takes to arrive. A
thread works only while it has one of a few slots, and leaves the slot while it waits for a body.
Database connections belong to slots, not to threads, so there are as many connections as slots.

A thread that waits for SQLite's write lock lends its slot to another thread and keeps its connections.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import get_ident

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from ade.ops import metrics

SLOTS = 4
WAIT_SECONDS = 20.0  # that a request waits for a slot
# When no slot was left for so long, waiting requests end as soon as they would take the threads that
# probes need.
STUCK_SECONDS = 2.0
_PIECE_SECONDS = 0.5  # between two looks of a request that waits


class NoSlot(Exception):
    """No slot became free in time."""


_thread = threading.local()


class Slots:
    """The slots of a process. The connections used last are used first: their caches are warm."""

    def __init__(self, count: int = SLOTS) -> None:
        self._most = (
            2 * count
        )  # sets of connections; lent slots need more sets than there are slots
        self._idle: deque[list[BaseDatabaseWrapper]] = deque()
        self._free: SimpleQueue[None] = SimpleQueue()  # an item for each slot; it waits in C
        for _ in range(count):
            self._free.put(None)
        self._left_at = time.monotonic()  # when a slot was last left

    def enter(self, crowded: Callable[[], bool] = bool) -> None:
        """Wait for a slot, and give this thread its connections.

        Raises NoSlot after WAIT_SECONDS, or after STUCK_SECONDS while threads are `crowded`.
        """
        until = time.monotonic() + WAIT_SECONDS
        while not self._take():
            now = time.monotonic()
            if now > until or (now - self._left_at > STUCK_SECONDS and crowded()):
                raise NoSlot
        try:
            idle = self._idle.pop()
        except IndexError:
            return
        for connection in idle:
            connections[connection.alias] = connection

    def _take(self) -> bool:
        with suppress(Empty):
            self._free.get(timeout=_PIECE_SECONDS)
            return True
        return False

    def leave(self, *, own: bool = True, lent: bool = False) -> None:
        """Free a slot and take its connections from this thread.

        `own=False`: another thread entered the slot, so the connections here are not its own.
        `lent=True`: another request has the slot already.
        """
        used = list(connections.all(initialized_only=True)) if own else []
        spare = len(self._idle) >= self._most
        for connection in used:
            if spare:
                connection.close()
            elif not connection.allow_thread_sharing:
                connection.inc_thread_sharing()
            del connections[connection.alias]
        self._left_at = time.monotonic()
        if used and not spare:
            self._idle.append(used)
        if not lent:
            self._free.put(None)

    def lend(self) -> None:
        """Let another thread use the slot of a thread that waits with its connections."""
        self._free.put(None)

    def take_back(self) -> bool:
        """True if a slot is free again. If not, the thread works without one until it leaves."""
        try:
            self._free.get_nowait()
        except Empty:
            return False
        return True


class Slot:
    """The slot of one request, which it may leave and enter again."""

    def __init__(self, slots: Slots, crowded: Callable[[], bool] = bool) -> None:
        self._slots, self._crowded = slots, crowded
        self._thread: int | None = None  # the thread that works in it
        self._lent = False

    def enter(self) -> None:
        """Take a slot if the request has none. Raises NoSlot."""
        if self._thread is None:
            self._slots.enter(self._crowded)
            self._thread = get_ident()
            _thread.slot = self
            metrics.SLOTS_IN_USE.inc()

    def leave(self) -> None:
        """Free the slot if the request has one."""
        if self._thread is not None:
            own, self._thread = self._thread == get_ident(), None
            lent, self._lent = self._lent, False
            if own:
                _thread.slot = None
            self._slots.leave(own=own, lent=lent)
            metrics.SLOTS_IN_USE.dec()

    def lend(self) -> bool:
        """Let another request work meanwhile. False if the slot is lent already."""
        if self._thread is None or self._lent:
            return False
        self._lent = True
        metrics.SLOTS_IN_USE.dec()
        self._slots.lend()
        return True

    def take_back(self) -> None:
        """Continue, even if all slots are taken: this thread has a lock that it must release."""
        self._lent = not self._slots.take_back()
        metrics.SLOTS_IN_USE.inc()

    def may_pause(self) -> bool:
        """True if the request can do without its connections: no transaction is open."""
        return self._thread is not None and not any(
            connection.in_atomic_block for connection in connections.all(initialized_only=True)
        )


def current_slot() -> Slot | None:
    """Return the slot that this thread works in; None in a command and in the worker."""
    return getattr(_thread, "slot", None)
