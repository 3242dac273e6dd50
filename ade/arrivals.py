"""Bodies of requests that arrive slowly: how long a thread waits for one, and how many threads do.

Granian has no limit for either, and waits in the thread that answers. So there are more threads than
work at once (`ade.places`), some are always left for requests without a body, and a look each second
ends the connections of bodies that take too long. Granian does not say which connection a request
came by: it is found by its address and by what the kernel knows of when it last spoke.
"""

import logging
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from django.conf import settings

from ade import metrics, sockets
from ade.places import Place

THREADS = 64  # of a process; bin/serve.py and deploy/ start as many
BODIES = 48  # threads of a process that may wait for bodies at once; the others are for reading
BODIES_PER_ADDRESS = 8  # of these, for one address, once they have waited YOUNG_SECONDS
BODIES_HELD = 8  # times MAX_BODY_BYTES that a process holds of bodies, before it refuses large ones
SLOWEST = 10_000  # bytes a second that a body arrives with, once BODY_SECONDS are over
RETRY_SECONDS = 2  # what is refused may come again
YOUNG_SECONDS = 1.0
LOOK_SECONDS = 0.5
SAMPLE_SECONDS = 2.0  # over which a connection is found slow
_PIECE = 16 * 1024  # bytes; Granian's read comes back with all that it was asked for, or at the end
_LARGE = 1024 * 1024  # bytes
_SLACK = 0.3  # seconds between what the kernel and this process take for the same moment

log = logging.getLogger(__name__)


class BodyError(OSError):
    """No more of the body is read. Django makes an UnreadablePostError of it."""


class Body:
    """`wsgi.input` of one request: read as it arrives, while the request's place is another's."""

    def __init__(self, given: Any, *, remote: str, place: Place) -> None:
        self._read: Callable[[int], bytes] = given.read
        self._place = place
        self.remote = remote  # the other side of the connection
        self.asker = remote  # whom it counts for: behind a proxy, the address that the proxy names
        self.began = self.spoke = time.monotonic()  # the request; the last that was heard of it
        self.asked: float | None = None  # when a thread first waited
        self.since: float | None = None  # when the one that waits now began to
        self.waited = 0.0  # seconds, until then
        self.got = 0  # bytes
        self.failure = ""  # slow, crowded or short, once it cannot be read

    def read(self, size: int) -> bytes:
        """Exactly so many bytes. BodyError where they do not come, or too many others wait."""
        paused = self._place.may_pause()
        if paused:
            self._place.leave()
        try:
            return self._arrive(size)
        finally:
            if paused:
                self._place.enter()

    def readline(self, size: int) -> bytes:
        """Nothing reads a body by lines."""
        raise NotImplementedError

    def is_overdue(self, now: float) -> bool:
        """True if its sender takes longer than one may."""
        if self.since is None:
            return False
        return self.waited + now - self.since > settings.BODY_SECONDS + self.got / SLOWEST

    def may_come_by(self, seen: sockets.Seen, now: float) -> bool:
        """True if a connection can be that of this body: nothing was said there since it is read."""
        quiet = now - (self.asked or now) - _SLACK  # an interim answer (100) goes out at the start
        return seen.sent_ago >= quiet and seen.received_ago <= now - self.began + _SLACK

    def _arrive(self, size: int) -> bytes:
        if self.failure or not arrivals.admit(self):
            self._fail(self.failure or "crowded")
        parts: list[bytes] = []
        try:
            while size > 0:
                part = self._read(min(size, _PIECE))
                if len(part) < min(size, _PIECE):
                    self._fail("slow" if arrivals.was_ended(self) else "short")
                self.got += len(part)
                size -= len(part)
                parts.append(part)
                if self.got > _LARGE and arrivals.is_full():
                    self._fail("crowded")
        finally:
            arrivals.done(self)
        return b"".join(parts)

    def _fail(self, why: str) -> None:
        if not self.failure:
            metrics.BODIES.labels(why).inc()
        self.failure = why
        raise BodyError(f"The body could not be read: {why}.")


class Arrivals:
    """The requests of this process, and which of them wait for their bodies."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: set[Body] = set()
        self._waiting: set[Body] = set()
        self._begun = threading.Event()
        self._watched = False
        self._seen: dict[int, tuple[float, int]] = {}  # connections: when, and bytes until then
        self._ended: Counter[str] = Counter()  # by address: ended, and not yet told as such

    def begin(self, body: Body) -> None:
        """A request is there."""
        self._requests.add(body)

    def end(self, body: Body) -> None:
        """It has been answered."""
        self._requests.discard(body)

    def admit(self, body: Body) -> bool:
        """Let a thread wait for the body, unless too many do."""
        now = time.monotonic()
        with self._lock:
            if len(self._waiting) >= BODIES or len(self._of(body, now)) >= BODIES_PER_ADDRESS:
                return False
            body.since = now
            body.asked = body.asked or now
            self._waiting.add(body)
            if not self._watched:
                self._watched = True
                threading.Thread(target=self._watch, name="slow bodies", daemon=True).start()
        self._begun.set()
        return True

    def done(self, body: Body) -> None:
        """The thread waits no longer."""
        with self._lock:
            self._waiting.discard(body)
            if body.since is not None:
                body.spoke = time.monotonic()
                body.waited += body.spoke - body.since
                body.since = None

    def is_full(self) -> bool:
        """True if no more can be held of large bodies."""
        most = BODIES_HELD * settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        return sum(one.got for one in self._requests.copy()) > most

    def was_ended(self, body: Body) -> bool:
        """True if a body that came to its end early did so because its connection was ended here."""
        with self._lock:
            if not self._ended[body.remote]:
                return False
            self._ended[body.remote] -= 1
            return True

    def look(self) -> None:
        """End the connections of bodies that take too long, and of what an address has too many."""
        now = time.monotonic()
        with self._lock:
            over = {one for one in self._waiting if one.is_overdue(now)}
            for one in self._waiting:
                over.update(self._of(one, now)[BODIES_PER_ADDRESS:])
        if not over:
            self._seen.clear()
        for remote in {one.remote for one in over}:
            self._end(remote, [one for one in over if one.remote == remote])

    def _of(self, body: Body, now: float) -> list[Body]:
        """Those of its address that a thread has waited for, the first one first."""
        young = now - YOUNG_SECONDS
        waits = [(one.since, one) for one in self._waiting if one.asker == body.asker]
        old = [(since, one) for since, one in waits if since is not None and since < young]
        return [one for _, one in sorted(old, key=lambda pair: pair[0])]

    def _watch(self) -> None:
        while True:
            self._begun.wait()
            self._begun.clear()
            while self._waiting:
                time.sleep(LOOK_SECONDS)
                try:
                    self.look()
                except Exception:
                    log.exception("Slow bodies could not be looked after.")

    def _end(self, remote: str, over: list[Body]) -> None:
        """End as many silent connections of an address as it has bodies to give up."""
        now = time.monotonic()
        requests = [one for one in self._requests.copy() if one.remote == remote]
        heard = [one.spoke for one in requests if one.since is None]
        silent = [
            seen
            for seen, _ in sockets.connections_of(remote)
            if self._is_slow(seen, now)
            # A request that is worked on is silent too, since the moment it was there.
            and not any(abs(now - seen.received_ago - moment) < _SLACK for moment in heard)
        ]
        silent.sort(key=lambda seen: seen.sent_ago)
        chosen = set()
        for body in over:
            fits = [seen for seen in silent if body.may_come_by(seen, now)]
            if fits:
                silent.remove(fits[-1])
                chosen.add(fits[-1].number)
        for seen, connection in sockets.connections_of(remote):
            if seen.number in chosen:
                with self._lock:
                    self._ended[remote] += 1
                connection.shutdown(socket.SHUT_RD)  # so that it can still be told why

    def _is_slow(self, seen: sockets.Seen, now: float) -> bool:
        """True if less came by a connection than may, over some seconds."""
        moment, received = self._seen.setdefault(seen.number, (now, seen.received))
        if now - moment < SAMPLE_SECONDS:
            return False
        self._seen[seen.number] = now, seen.received
        return seen.received - received < SLOWEST * (now - moment)


arrivals = Arrivals()
