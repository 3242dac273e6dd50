"""How many requests a process works on at once, and the database connections that they use.

The web server has many more threads than that: one waits for as long as a body takes to arrive. A
thread works only in one of a few places, and leaves it while it waits. The connections belong to the
places, so there are as many as places, whichever thread works.
"""

from collections import deque
from queue import SimpleQueue
from threading import get_ident

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

PLACES = 4


class Places:
    """So many places, lent in turn. The one left last is lent first: its connections are warm."""

    def __init__(self, count: int = PLACES) -> None:
        self._left: deque[list[BaseDatabaseWrapper]] = deque([] for _ in range(count))
        self._free: SimpleQueue[None] = SimpleQueue()  # one for each place; it waits in C
        for _ in range(count):
            self._free.put(None)

    def enter(self) -> None:
        """Wait for a place, and give this thread its connections."""
        self._free.get()
        for connection in self._left.pop():
            connections[connection.alias] = connection

    def leave(self, *, own: bool = True) -> None:
        """Take them from this thread, for whoever comes next; not `own`: it is not its place."""
        kept = list(connections.all(initialized_only=True)) if own else []
        for connection in kept:
            if not connection.allow_thread_sharing:
                connection.inc_thread_sharing()
            del connections[connection.alias]
        self._left.append(kept)
        self._free.put(None)


class Place:
    """The place of one request, which it may leave for a while."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._thread: int | None = None  # that works in it

    def enter(self) -> None:
        """Take a place; nothing where it has one."""
        if self._thread is None:
            self._places.enter()
            self._thread = get_ident()

    def leave(self) -> None:
        """Give it back; nothing where it has none."""
        if self._thread is not None:
            own, self._thread = self._thread == get_ident(), None
            self._places.leave(own=own)

    def may_pause(self) -> bool:
        """True if nothing of this request hangs on its connections: no transaction is open."""
        return self._thread is not None and not any(
            one.in_atomic_block for one in connections.all(initialized_only=True)
        )
