"""Keep all sources in step, in threads of the worker: `manage.py db_worker` starts them.

Each source has a thread that reads and one that sends, with connections of their own, so a slow list
delays no edit, and no source delays another. A thread uses the database in short transactions, and none
is open while it waits for the network.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, connections
from django.utils import timezone

from ade.ops import metrics, outage
from agents.core.actors import source_actor
from agents.core.errors import Busy
from agents.domain.sources import lease, opening
from agents.domain.sources.deletion.delete import clear_waiting
from agents.domain.sources.pull import MassChange, Memory, pull
from agents.domain.sources.push import due, mark_next, push
from agents.models import AgentSource
from agents.net.connectors.base import Connector, Denied, SourceError, Unreachable

_log = logging.getLogger(__name__)

_LOOK = 0.25  # seconds between two looks for something to send
_RENEW = 2.0  # seconds between two renewals of the leases
_SHARE = 20  # reading lists takes at most 1/20 of the time
_SWEEP = 60.0  # seconds between two whole lists of a source with a feed, at least
_CLEAR = 10.0  # seconds of one request that deletes memory
_SLICE = 50  # agents that are sent before the source is looked at again
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 10.0  # seconds without the database


@dataclass
class Sync:
    """The work on one source in this process: one thread that reads, one that sends."""

    source_id: int
    holder: str
    stop: threading.Event = field(default_factory=threading.Event)
    wake_reader: threading.Event = field(default_factory=threading.Event)
    wake_sender: threading.Event = field(default_factory=threading.Event)

    def start(self) -> list[threading.Thread]:
        """Start both threads."""
        threads = []
        for loop in (Reader(self), Sender(self)):
            name = f"source-{self.source_id}-{type(loop).__name__.lower()}"
            thread = threading.Thread(target=loop.run, name=name, daemon=True)
            thread.start()
            threads.append(thread)
        return threads

    def end(self) -> None:
        """Ask both threads to end after what they are doing."""
        self.stop.set()
        self.wake_reader.set()
        self.wake_sender.set()


class _Loop:
    """A thread's work on a source: again and again, until it is told to stop."""

    def __init__(self, sync: Sync, wake: threading.Event) -> None:
        self.sync = sync
        self.wake = wake
        self._stack = ExitStack()
        self._connector: Connector | None = None
        self._opened_as: tuple[object, ...] = ()

    def run(self) -> None:
        """Work until told to stop, or until the source is paused, removed or held by another process."""
        pause = _FIRST_WAIT
        try:
            while True:
                self.wake.clear()
                if self.sync.stop.is_set():  # looked at after that, so that no wish to stop is lost
                    return
                try:
                    source = lease.current(self.sync.source_id, self.sync.holder)
                    if source is None:
                        return
                    wait = self._try(source)
                    pause = _FIRST_WAIT
                except Exception as error:  # noqa: BLE001  # logged; the thread must outlive any error
                    if not (isinstance(error, Busy) or outage.is_passing(error)):
                        _log.exception("Source %s met an unexpected error", self.sync.source_id)
                        self._fail_unexpectedly()
                    wait, pause = pause, min(2 * pause, _LONGEST_WAIT)
                    connection.close_if_unusable_or_obsolete()
                self.wake.wait(wait)
        finally:
            self._stack.close()
            connections.close_all()

    def _try(self, source: AgentSource) -> float:
        """Work once, unless the next attempt is not due yet. Returns the seconds to wait."""
        left = _seconds_until_next_try(source)
        if left > 0:
            self._close()
            return min(left, _LONGEST_WAIT)
        try:
            return self.work(self._open(source), source)
        except SourceError as error:
            self._close()
            after = error.retry_after if isinstance(error, Unreachable) else None
            again = lease.note_failure(
                source, str(error), denied=isinstance(error, Denied), retry_after=after
            )
            metrics.SOURCE_FAILURES.inc()
            return min((again - timezone.now()).total_seconds(), _LONGEST_WAIT)

    def work(self, connector: Connector, source: AgentSource) -> float:
        """Work once. Returns the seconds to wait. Raises SourceError."""
        raise NotImplementedError

    def _open(self, source: AgentSource) -> Connector:
        """The open connection, or a new one where the address or token has changed."""
        wanted = (source.kind, source.url, source.sealed_token and bytes(source.sealed_token))
        if self._connector is None or self._opened_as != wanted:
            self._close()
            self._connector = self._stack.enter_context(opening.connect_to(source))
            self._opened_as = wanted
        return self._connector

    def _close(self) -> None:
        self._stack.close()
        self._connector = None

    def _fail_unexpectedly(self) -> None:
        self._close()
        try:
            row = AgentSource.objects.filter(id=self.sync.source_id).first()
            if row is not None:
                lease.note_failure(row, "Unexpected error in ADE. See the worker's log.")
        except (DatabaseError, InterfaceError):
            pass


class Reader(_Loop):
    """Reads what changed at the source."""

    def __init__(self, sync: Sync) -> None:
        super().__init__(sync, sync.wake_reader)
        self._memory = Memory()
        self._next_whole = 0.0

    def work(self, connector: Connector, source: AgentSource) -> float:
        """Read once. Returns the seconds to the next reading."""
        asked = source.sync_asked_at is not None or source.listed_at is None
        whole = asked or time.monotonic() >= self._next_whole
        begun = time.monotonic()
        try:
            pulled = pull(connector, source, self._memory, whole=whole)
        except MassChange as change:
            lease.pause_and_ask(source_id=source.id, why=str(change))
            self._memory.states.clear()
            return 0.0
        took = time.monotonic() - begun
        lease.note_success(source)
        wait: float = settings.SOURCE_POLL_SECONDS
        if pulled.whole:
            self._next_whole = time.monotonic() + max(_SWEEP, _SHARE * took)
            has_feed = AgentSource.objects.filter(id=source.id, feed_mark__isnull=False).exists()
            return wait if has_feed else max(wait, _SHARE * pulled.seconds)
        return wait


class Sender(_Loop):
    """Sends the tags of agents that are behind."""

    def __init__(self, sync: Sync) -> None:
        super().__init__(sync, sync.wake_sender)

    def work(self, connector: Connector, source: AgentSource) -> float:
        """Send what is due. Returns the seconds to the next look; `Keeper` wakes it before."""
        marked = mark_next(source_id=source.id)
        for _ in range(_SLICE):
            row = due(source.id).values_list("public_id", flat=True).first()
            if row is None:
                self._clear(connector, source)
                return 0.0 if marked else _RENEW
            if self.sync.stop.is_set():
                return 0.0
            result = push(connector, source, row)
            metrics.SOURCE_PUSHES.labels("done" if result.done else "put_off").inc()
        return 0.0

    def _clear(self, connector: Connector, source: AgentSource) -> None:
        """Delete memory that deleted agents have left there."""
        actor = source_actor(source.id, source.name)
        while not self.sync.stop.is_set():
            if not clear_waiting(source=source, connector=connector, seconds=_CLEAR, actor=actor):
                return


class Keeper:
    """Starts and ends the threads of all sources that this process holds."""

    def __init__(self) -> None:
        self.holder = secrets.token_hex(16)
        self._stop = threading.Event()
        self._running: dict[int, tuple[Sync, list[threading.Thread]]] = {}
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Keep the sources in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="sources", daemon=True)
        self._thread.start()

    def stop(self, *, seconds: float = 5.0) -> None:
        """End all threads after what they are doing; give up the sources. Waits at most `seconds`."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(seconds)

    def _run(self) -> None:
        renewed = 0.0
        mine: list[int] = []
        try:
            while not self._stop.is_set():
                try:
                    if time.monotonic() - renewed > _RENEW or self._ended():
                        mine = lease.take(self.holder)
                        renewed = time.monotonic()
                        self._start_and_end(mine)
                    self._wake(mine)
                except Exception as error:  # noqa: BLE001  # logged; the thread must outlive any error
                    if not outage.is_passing(error):
                        _log.exception("Sources are not looked after for a moment")
                    connection.close_if_unusable_or_obsolete()
                self._stop.wait(_LOOK)
            self._end_all()
        finally:
            connections.close_all()

    def _ended(self) -> bool:
        """True if a thread has ended by itself, because its source is paused, for example."""
        return any(not t.is_alive() for _, threads in self._running.values() for t in threads)

    def _start_and_end(self, mine: list[int]) -> None:
        for source_id, (sync, threads) in list(self._running.items()):
            if source_id not in mine or not all(thread.is_alive() for thread in threads):
                sync.end()
                if not any(thread.is_alive() for thread in threads):
                    del self._running[source_id]
        for source_id in mine:
            if source_id not in self._running:
                sync = Sync(source_id, self.holder)
                self._running[source_id] = sync, sync.start()

    def _wake(self, mine: list[int]) -> None:
        if not mine:
            return
        look: tuple[tuple[set[int], Callable[[Sync], threading.Event]], ...] = (
            (lease.waiting(mine), lambda sync: sync.wake_sender),
            (lease.asked(mine), lambda sync: sync.wake_reader),
        )
        for found, event in look:
            for source_id in found & self._running.keys():
                event(self._running[source_id][0]).set()

    def _end_all(self) -> None:
        for sync, _ in self._running.values():
            sync.end()
        for _, threads in self._running.values():
            for thread in threads:
                thread.join(1.0)
        lease.release(self.holder)


def _seconds_until_next_try(source: AgentSource) -> float:
    if source.next_try_at is None:
        return 0.0
    return (source.next_try_at - timezone.now()).total_seconds()
