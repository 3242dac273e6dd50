"""When keys and sessions were last used: noted in memory, and written by a thread seconds later.

No answer waits for such a write. A note is lost if its process ends first or the database cannot take
it; the next use is noted again. This has no part in access: each request reads whether its key or
session still works.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping

from django.db import DatabaseError, InterfaceError, connection

from ade.ops import outage

EVERY = 60.0  # seconds between two writes of a row, at least
BATCH = 100  # rows written in one transaction
_PAUSE = 3.0  # seconds between a note and its write
_MOST = 10_000  # notes of a kind that are stored

log = logging.getLogger(__name__)
_kinds: list["NotedUse | NotedCount"] = []
_has_notes = threading.Event()
_lock = threading.Lock()
_begun = False
_is_running = False


class NotedUse:
    """The uses of one kind of row. `write` gets up to BATCH rows, each with the time of its use."""

    def __init__(self, write: Callable[[Mapping[str, float]], None]) -> None:
        self._write = write
        self._waiting: dict[str, float] = {}
        self._written: dict[str, float] = {}
        _kinds.append(self)

    def note(self, row: str) -> None:
        """Note that the row is used now, without a statement."""
        now = time.time()
        with _lock:
            if outage.are_optional_writes_paused() or now - self._written.get(row, 0.0) < EVERY:
                return
            if row in self._waiting or len(self._waiting) < _MOST:
                self._waiting[row] = now
        _has_notes.set()
        if _begun and not _is_running:
            _run()

    def last(self, row: str) -> float:
        """Return when this process last noted a use of the row, or 0."""
        return max(self._waiting.get(row, 0.0), self._written.get(row, 0.0))

    def flush(self) -> None:
        """Write the notes. Notes that the database cannot take are lost."""
        with _lock:
            rows, self._waiting = list(self._waiting.items()), {}
        for start in range(0, len(rows), BATCH):
            batch = dict(rows[start : start + BATCH])
            self._write(batch)
            with _lock:
                if len(self._written) > _MOST:
                    self._written.clear()
                self._written.update(batch)

    def forget(self) -> None:
        """Drop the notes, and what was written."""
        self._waiting, self._written = {}, {}


class NotedCount:
    """How often something happened to a row. `write` gets up to BATCH rows, each with a number to add."""

    def __init__(self, write: Callable[[Mapping[str, int]], None]) -> None:
        self._write = write
        self._waiting: dict[str, int] = {}
        _kinds.append(self)

    def count(self, row: str) -> None:
        """Count one, without a statement."""
        with _lock:
            if outage.are_optional_writes_paused():
                return
            if row in self._waiting or len(self._waiting) < _MOST:
                self._waiting[row] = self._waiting.get(row, 0) + 1
        _has_notes.set()
        if _begun and not _is_running:
            _run()

    def flush(self) -> None:
        """Write the counts. Counts that the database cannot take are lost."""
        with _lock:
            rows, self._waiting = list(self._waiting.items()), {}
        for start in range(0, len(rows), BATCH):
            self._write(dict(rows[start : start + BATCH]))

    def forget(self) -> None:
        """Drop the counts."""
        self._waiting = {}


def begin() -> None:
    """Let a thread of this process write the notes. For the web server."""
    global _begun  # of this process
    _begun = True


def flush() -> None:
    """Write the notes of every kind."""
    for kind in _kinds:
        try:
            kind.flush()
        except (DatabaseError, InterfaceError) as error:
            if not outage.may_skip(error):
                log.exception("The use of keys and sessions could not be noted.")


def forget() -> None:
    """Drop the notes of every kind."""
    for kind in _kinds:
        kind.forget()


def _run() -> None:
    global _is_running  # of this process
    with _lock:
        if _is_running:
            return
        _is_running = True
    threading.Thread(target=_write_on, name="noted use", daemon=True).start()


def _write_on() -> None:
    while True:
        _has_notes.wait()
        time.sleep(_PAUSE)
        _has_notes.clear()
        try:
            flush()
        except Exception:
            log.exception("The use of keys and sessions could not be noted.")
        finally:
            connection.close()  # PostgreSQL has few connections


def _forked() -> None:
    """Start empty in a forked process: the thread and the notes are the parent's."""
    global _is_running, _lock  # of this process
    _is_running, _lock = False, threading.Lock()
    forget()


os.register_at_fork(after_in_child=_forked)
