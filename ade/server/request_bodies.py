"""Request bodies: how many threads of a process wait for one, and how many bytes it stores of them.

Granian waits for a body in the thread that answers, without a time limit, and does not say which
connection a request came by. So the process has more threads than worker slots, a waiting thread
gives up its slot, and counters leave threads free for requests without a body. A sender that goes on
sending nothing keeps its thread until it leaves or the kernel ends its dead connection
(`ade.server.sockets`). In front of hostile senders, use a proxy that buffers bodies.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from django.conf import settings

from ade.ops import metrics
from ade.server.worker_slots import NoSlot, Slot

THREADS = 64  # of a process; bin/serve.py and deploy/ start as many
BODIES = 48  # threads of a process that may wait for bodies; the others serve requests without one
BODIES_PER_ADDRESS = 8  # of these, for one client address
ADDRESS_SECONDS = 1.0  # that a body waits while its address has that many: a burst is soon read
BODIES_STORED = 8  # times MAX_BODY_BYTES that a process stores before it refuses large bodies
RETRY_SECONDS = 2  # sent as Retry-After with a refused body
_PIECE = 16 * 1024  # bytes; Granian's read returns when it has all of them, or at the end
_LARGE = 1024 * 1024  # bytes


class BodyError(OSError):
    """The body cannot be read to its end. Django turns it into UnreadablePostError."""


class Body:
    """`wsgi.input` of one request. A thread that waits for the body gives up its worker slot."""

    def __init__(self, source: Any, *, address: str, slot: Slot) -> None:
        self._read: Callable[[int], bytes] = source.read
        self._slot = slot
        self.address = address  # of the client; BodyMiddleware corrects it behind a proxy
        self.heard_at = time.monotonic()  # when the client last sent something that was read
        self.size = 0  # bytes read so far
        self.failure = ""  # crowded, late or short, once it cannot be read

    def read(self, size: int) -> bytes:
        """Return exactly `size` bytes. Raises BodyError if fewer arrive or too many bodies wait."""
        paused = self._slot.may_pause()
        if paused:
            self._slot.leave()
        try:
            return self._receive(size)
        finally:
            if paused:
                self._resume()

    def readline(self, size: int) -> bytes:
        """Not needed: nothing reads a body by lines."""
        raise NotImplementedError

    def _resume(self) -> None:
        try:
            self._slot.enter()
        except NoSlot:
            self._fail("late")

    def _receive(self, size: int) -> bytes:
        address = self.address
        if self.failure or not requests.begin_body(address):
            self._fail(self.failure or "crowded")
        pieces: list[bytes] = []
        try:
            while size > 0:
                wanted = min(size, _PIECE)
                piece = self._read(wanted)
                if len(piece) < wanted:
                    self._fail("short")
                self.size += wanted
                size -= wanted
                pieces.append(piece)
                if self.size > _LARGE and requests.are_bodies_full():
                    self._fail("crowded")
        finally:
            self.heard_at = time.monotonic()
            requests.end_body(address)
        return b"".join(pieces)

    def _fail(self, reason: str) -> None:
        if not self.failure:
            metrics.BODIES.labels(reason).inc()
        self.failure = reason
        raise BodyError(f"The body could not be read: {reason}.")


class Requests:
    """The requests of this process that are not answered yet, and which wait for their bodies."""

    def __init__(self) -> None:
        self._open: set[Body] = set()
        self._changed = threading.Condition()
        self._waiting = 0  # threads that wait for a body, or for the turn of their address
        self._reading: Counter[str] = Counter()  # by client address

    def begin(self, body: Body) -> None:
        self._open.add(body)

    def end(self, body: Body) -> None:
        self._open.discard(body)

    def count(self) -> int:
        """Return how many there are: each has a thread."""
        return len(self._open)

    def heard_at(self) -> list[float]:
        """Return when each client was last heard of."""
        return [body.heard_at for body in self._open.copy()]

    def begin_body(self, address: str) -> bool:
        """Let this thread wait for a body. False if too many do."""
        with self._changed:
            if self._waiting >= BODIES:
                return False
            self._waiting += 1
            if self._changed.wait_for(lambda: self._has_turn(address), ADDRESS_SECONDS):
                self._reading[address] += 1
                return True
            self._waiting -= 1
            return False

    def end_body(self, address: str) -> None:
        with self._changed:
            self._waiting -= 1
            self._reading[address] -= 1
            self._reading += Counter()  # drops addresses without a body
            self._changed.notify_all()

    def are_bodies_full(self) -> bool:
        """True if the bodies of open requests take all the memory that they may."""
        most = BODIES_STORED * settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        return sum(body.size for body in self._open.copy()) > most

    def _has_turn(self, address: str) -> bool:
        return self._reading[address] < BODIES_PER_ADDRESS


requests = Requests()
