"""When no file descriptor is left: log it, and close unused connections.

The web server then accepts no connection and logs nothing, so a probe would wait until an unused
connection ends. A thread checks for that twice a second. It closes a few descriptors that it has in
reserve, and ends connections without a request, so that new connections, such as probes, are answered.
"""

import errno
import logging
import os
import resource
import socket
import stat
import sys
import threading
import time
from contextlib import suppress

from ade.ops import metrics
from ade.server import sockets
from ade.server.request_bodies import requests

_LOOK_SECONDS = 0.5  # between two checks
_URGENT_SECONDS = 0.1  # between two checks while none is left
_YOUNG_SECONDS = 0.2  # that a new connection has to send something
_SILENT_SECONDS = 1.0  # after which a connection that matches no open request is unused
_SAY_SECONDS = 60.0  # between two log lines
_MOST = 1 << 16  # descriptors that are checked
_RESERVE = 8  # descriptors

log = logging.getLogger(__name__)


def begin() -> None:
    """Start the thread that checks the descriptors of this process."""
    if sys.platform == "linux":  # other systems do not tell enough about a connection
        slot = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        thread = threading.Thread(target=_watch, args=(slot,), name="descriptors", daemon=True)
        thread.start()


def _watch(slot: int) -> None:
    """`slot` is a descriptor reserved for copies of others, since no new one can be opened."""
    said = float("-inf")
    reserve = Reserve(slot)
    while True:
        if not are_used_up(slot):
            reserve.fill()
            time.sleep(_LOOK_SECONDS)
            continue
        reserve.give_up()
        try:
            ended = end_unused(slot)
        except Exception:
            log.exception("Unused connections could not be ended.")
            ended = 0
        metrics.CONNECTIONS_REFUSED.labels("descriptors").inc(ended)
        if time.monotonic() - said > _SAY_SECONDS:
            said = time.monotonic()
            log.error(
                "No file descriptors are left (limit %d): unused connections are ended. Raise the"
                " limit (LimitNOFILE, ulimit -n).",
                resource.getrlimit(resource.RLIMIT_NOFILE)[0],
            )
        time.sleep(_URGENT_SECONDS)


def are_used_up(slot: int) -> bool:
    """True if this process cannot open a descriptor."""
    try:
        os.close(os.dup(slot))
    except OSError as error:
        return error.errno in (errno.EMFILE, errno.ENFILE)
    return False


class Reserve:
    """Spare descriptors, opened while enough are left."""

    def __init__(self, slot: int) -> None:
        self._slot = slot
        self._spare: list[int] = []
        self.fill()

    def fill(self) -> None:
        """Open the reserve, if as many descriptors again are left."""
        if self._spare:
            return
        opened: list[int] = []
        with suppress(OSError):
            while len(opened) < 2 * _RESERVE:
                opened.append(os.dup(self._slot))
            self._spare, opened = opened[:_RESERVE], opened[_RESERVE:]
        for descriptor in opened:
            os.close(descriptor)

    def give_up(self) -> None:
        """Close the reserve."""
        while self._spare:
            os.close(self._spare.pop())


def end_unused(slot: int) -> int:
    """End the connections without a request, and return their number."""
    found: list[tuple[int, sockets.Seen, int]] = []
    ports: set[int] = set()
    limit = min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], _MOST)
    for descriptor in range(3, limit):
        with suppress(OSError), _Copy(descriptor, slot) as copy:
            if copy is None:
                continue
            port = copy.getsockname()[1]
            if copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                ports.add(port)
            elif seen := sockets.look_at(copy):
                found.append((descriptor, seen, port))
    moments, now, ended = requests.heard_at(), time.monotonic(), 0
    for descriptor, seen, port in found:
        if port in ports and _is_unused(seen, moments, now):
            with suppress(OSError), _Copy(descriptor, slot) as copy:
                # The number may belong to another connection by now.
                if copy is not None and os.fstat(slot).st_ino == seen.number:
                    copy.shutdown(socket.SHUT_RDWR)
                    ended += 1
    return ended


def _is_unused(seen: sockets.Seen, moments: list[float], now: float) -> bool:
    """True if a connection sent nothing, was answered, or matches no open request."""
    if seen.received_ago < _YOUNG_SECONDS:
        return False
    if not seen.received or seen.sent_ago < seen.received_ago:
        return True
    heard = now - seen.received_ago
    return seen.received_ago > _SILENT_SECONDS and not any(
        abs(heard - moment) < _SILENT_SECONDS for moment in moments
    )


class _Copy:
    """Copies a descriptor into the slot; yields it as a TCP socket, or None if it is something else."""

    def __init__(self, descriptor: int, slot: int) -> None:
        self._descriptor, self._slot = descriptor, slot
        self._socket: socket.socket | None = None

    def __enter__(self) -> socket.socket | None:
        if self._descriptor == self._slot:
            return None
        os.dup2(self._descriptor, self._slot, inheritable=False)
        if not stat.S_ISSOCK(os.fstat(self._slot).st_mode):
            return None
        self._socket = socket.socket(fileno=self._slot)
        is_tcp = self._socket.type == socket.SOCK_STREAM and self._socket.family in (
            socket.AF_INET,
            socket.AF_INET6,
        )
        return self._socket if is_tcp else None

    def __exit__(self, *_: object) -> None:
        if self._socket is not None:
            self._socket.detach()
        # The slot must not keep a connection open.
        os.dup2(_nothing(), self._slot, inheritable=False)


def _nothing() -> int:
    """Return a descriptor that is no connection: standard error."""
    return 2
