"""The queue in which threads and processes wait for SQLite's write lock.

SQLite has no queue: each waiter tries again and again, which took most of the time with 32 writers. Here
the threads of a process wait for each other, and the first of them waits for the other processes, both
without trying again: the operating system wakes the next one.

The queue only decides who goes first. SQLite's own lock protects the data, also from programs that do
not queue.
"""

import fcntl
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue

SHORT = 0.05  # seconds of waiting after which a worker slot is lent to another request
_RUN = 0.05  # seconds for which a process passes the lock among its own threads while others wait
_LONGEST = (
    0.5  # seconds that a process waits for others in the queue: they may be stopped processes
)
_DISTRUST = 0.5  # seconds until it queues again if they still had not moved when its turn ended
_PAUSE = 0.001  # seconds between two tries when the system refuses to wait
_ENTRY, _LOCK = 16, 17  # bytes of the file that are locked; older versions lock byte 0


class Turns:
    """The queue of a database: first come, first served."""

    def __init__(self, database: str) -> None:
        self._processes = Processes(f"{database}-turns")
        self._mutex = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._taken = False
        self._since = 0.0  # when this process last had to queue behind others

    def take(self, seconds: float, lend: Callable[[], None] = lambda: None) -> bool:
        """Wait for a turn. False if none came in time. A wait of more than SHORT seconds calls `lend`."""
        until = time.monotonic() + seconds
        with self._mutex:
            mine = threading.Lock()
            if self._taken:
                mine.acquire()
                self._waiting.append(mine)
            self._taken = True
        if not _came(mine, seconds, lend):
            with self._mutex:
                if mine in self._waiting:  # if not, the turn came at this moment
                    self._waiting.remove(mine)
                    return False
        if not self._processes.is_ours:
            self._processes.enter(until - time.monotonic(), lend)
            self._since = time.monotonic()
        return True

    def give(self) -> None:
        """End a turn."""
        is_over = time.monotonic() - self._since > _RUN
        if is_over or not (self._waiting and self._processes.is_ours):
            self._processes.leave()
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False


class Processes:
    """The queue of the processes on a database. One thread of a process uses it at a time.

    It consists of two locks on a file of its own, because only SQLite may open SQLite's files. The
    process with `_LOCK` may write. The next process has `_ENTRY`, so a process that just left cannot
    overtake it. The system releases both when a process ends.

    Python cannot wait for such a lock for a limited time, so a thread of its own waits. If the file
    cannot be opened, there is no queue.
    """

    def __init__(self, path: str) -> None:
        self.is_ours = False
        self._mutex = threading.Lock()
        self._asked: SimpleQueue[None] | None = None  # made with the thread that serves it
        self._hope: threading.Lock | None = None  # released when the lock is ours
        self._is_asked = False
        self._distrusted_until = 0.0
        try:
            self._file: int | None = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o660)
        except OSError:
            self._file = None

    def enter(self, seconds: float, lend: Callable[[], None]) -> None:
        """Wait until no other process has the lock, for half a second at most.

        After that it becomes ours as soon as it is free, so that others do not overtake for ever.
        """
        if self._file is None or time.monotonic() < self._distrusted_until:
            return
        with self._mutex:
            if not self._is_asked and self._try():
                self.is_ours = True
                return
            hope = self._hope = threading.Lock()
            hope.acquire()
            self._ask()
        _came(hope, min(seconds, _LONGEST), lend)

    def leave(self) -> None:
        """Let the next process have the lock."""
        with self._mutex:
            hope, self._hope = self._hope, None
            if self.is_ours:
                self.is_ours = False
                self._lock(fcntl.LOCK_UN, _LOCK)
            elif hope is not None:
                self._distrusted_until = time.monotonic() + _DISTRUST

    def _ask(self) -> None:
        if self._asked is None:
            self._asked = SimpleQueue()
            threading.Thread(target=self._serve, args=(self._asked,), daemon=True).start()
        if not self._is_asked:
            self._is_asked = True
            self._asked.put(None)

    def _serve(self, asked: "SimpleQueue[None]") -> None:
        while True:
            asked.get()
            for byte in (_ENTRY, _LOCK):
                while not self._lock(fcntl.LOCK_EX, byte):
                    time.sleep(_PAUSE)
            self._lock(fcntl.LOCK_UN, _ENTRY)
            with self._mutex:
                self._is_asked = False
                if self._hope is None:
                    self._lock(fcntl.LOCK_UN, _LOCK)
                else:
                    self.is_ours = True
                    self._hope.release()

    def _try(self) -> bool:
        """Take the lock if no process has it or waits for it."""
        if not self._lock(fcntl.LOCK_EX | fcntl.LOCK_NB, _ENTRY):
            return False
        taken = self._lock(fcntl.LOCK_EX | fcntl.LOCK_NB, _LOCK)
        self._lock(fcntl.LOCK_UN, _ENTRY)
        return taken

    def _lock(self, kind: int, byte: int) -> bool:
        try:
            fcntl.lockf(self._file, kind, 1, byte)  # type: ignore[arg-type]  # opened by all callers
        except OSError:
            return False
        return True


def _came(signal: threading.Lock, seconds: float, lend: Callable[[], None]) -> bool:
    """Wait until another thread releases this lock. False if it does not in time."""
    if signal.acquire(timeout=max(0.0, min(seconds, SHORT))):
        return True
    lend()
    return signal.acquire(timeout=max(0.0, seconds - SHORT))


_turns: dict[str, Turns] = {}
_making = threading.Lock()


def turns_of(database: str) -> Turns:
    """Return this process's queue for the database at a path."""
    with _making:
        if database not in _turns:
            _turns[database] = Turns(database)
        return _turns[database]


def _forget() -> None:
    """Start empty in a forked process: it has none of the waiting threads."""
    global _making  # it may have been held
    _making = threading.Lock()
    _turns.clear()


os.register_at_fork(after_in_child=_forget)
