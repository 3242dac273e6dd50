"""How many requests one caller may make, counted for all processes of a machine together.

Each caller has one number: the moment at which all that it asked for is paid off, where every request
costs a fixed share of a minute (the generic cell rate algorithm). It may run up to a minute ahead of
the clock: that is the burst. One number needs no window, nothing is ever cleaned up, and a moment
that has passed says the same as none.

The numbers lie in a file of fixed size that the processes map into memory. In the database a count
would be a write for each request, and on SQLite, which has one writer, a read would wait for it; the
file costs some microseconds, and works while the database is away. Each machine counts for itself.
"""

import errno
import fcntl
import hashlib
import logging
import mmap
import struct
import threading
import time
from functools import cache
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

from ade import metrics, runtime

log = logging.getLogger(__name__)

MINUTE = 60.0
_SETS, _PLACES = 8192, 8  # callers that are counted at the same time: 65,536, in a megabyte
_ENTRY = struct.Struct("<Qd")  # who, by a digest; the moment in seconds since 1970
_SET_BYTES = _ENTRY.size * _PLACES


class Verdict(NamedTuple):
    """What a caller is told: `wait` is 0 where it may, else the seconds until it may again."""

    limit: int
    remaining: int
    reset: float
    wait: float


class Table:
    """The numbers of all callers: shared through a file, or of this process alone."""

    def __init__(self, path: Path | None) -> None:
        size = _SETS * _SET_BYTES
        self._thread = threading.Lock()
        self._file: int | None = None
        if path is None:
            self._map = mmap.mmap(-1, size)
            return
        self._file = runtime.reserve(path, size)
        self._map = mmap.mmap(self._file, size)

    def take(self, caller: str, per_minute: int, *, cost: int = 1) -> Verdict:
        """Count a request of the caller, unless it is over its limit; cost 0 only looks."""
        who, place = _digest(caller)
        with self._thread:
            # Locks of a file are the process's, so threads need their own besides.
            if self._file is not None:
                fcntl.lockf(self._file, fcntl.LOCK_EX, 1, place)
            try:
                return self._take(who, place * _SET_BYTES, per_minute, cost)
            finally:
                if self._file is not None:
                    fcntl.lockf(self._file, fcntl.LOCK_UN, 1, place)

    def knows(self, caller: str) -> bool:
        """True if the caller was counted, and the place not needed for another since."""
        who, place = _digest(caller)
        return any(entry[0] == who for entry in self._entries(place * _SET_BYTES))

    def _take(self, who: int, start: int, per_minute: int, cost: int) -> Verdict:
        now, share = time.time(), MINUTE / per_minute
        entries = self._entries(start)
        found = next((n for n, entry in enumerate(entries) if entry[0] == who), None)
        paid = now if found is None else entries[found][1]
        if not now <= paid <= now + 2 * MINUTE:  # past, or written under another clock
            paid = now
        then = paid + share * cost
        left = MINUTE - (then - now)
        if left < -1e-6:
            return Verdict(per_minute, 0, paid - now, -left)
        if cost:
            if found is None:  # whose moment lies furthest back loses least
                found = min(range(_PLACES), key=lambda n: entries[n][1])
            _ENTRY.pack_into(self._map, start + found * _ENTRY.size, who, then)
        return Verdict(per_minute, int(left / share + 1e-6), then - now, 0.0)

    def _entries(self, start: int) -> list[tuple[int, float]]:
        return list(_ENTRY.iter_unpack(self._map[start : start + _SET_BYTES]))


@cache
def table() -> Table:
    """The one of this process and its siblings; of it alone where the disk has no room for one."""
    folder = runtime.folder()
    try:
        return Table(None if folder is None else folder / "rates")
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        log.warning("No room in %s: this process counts requests for itself.", folder)
        return Table(None)


def count_caller(caller: str) -> Verdict | None:
    """Count a request of a key or a member; None where there is no limit."""
    return _count("caller", caller, settings.RATE_PER_CALLER)


def count_address(address: str) -> Verdict | None:
    """Count a request that shows neither a key nor a session; None where there is no limit."""
    return _count("address", _network(address), settings.RATE_PER_ADDRESS)


def over(address: str, caller: str = "") -> float:
    """Seconds that the address has to wait before anything of it is looked up, or 0.

    A caller that was let in lately is looked up all the same: others at its address shut it not out.
    """
    if not settings.RATE_PER_ADDRESS:
        return 0.0
    verdict = table().take(f"address:{_network(address)}", settings.RATE_PER_ADDRESS, cost=0)
    if verdict.remaining or (caller and table().knows(f"caller:{caller}")):
        return 0.0
    return max(verdict.wait, MINUTE / verdict.limit)


def _count(kind: str, name: str, per_minute: int) -> Verdict | None:
    if not per_minute:
        return None
    verdict = table().take(f"{kind}:{name}", per_minute)
    if verdict.wait:
        metrics.REFUSED.labels(kind).inc()
    return verdict


def _network(address: str) -> str:
    """Whom an address stands for: one of IPv6 is one of 2^64 that its owner has."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(IPv6Address(int(parsed) >> 64 << 64))
    return str(parsed)


def _digest(caller: str) -> tuple[int, int]:
    """A caller's number and set. Keyed, so that nobody can choose to share a set with another."""
    key = hashlib.sha256(settings.SECRET_KEY.encode()).digest()
    digest = hashlib.blake2b(caller.encode("utf-8", "replace"), digest_size=16, key=key).digest()
    return int.from_bytes(digest[:8], "little") or 1, int.from_bytes(digest[8:], "little") % _SETS
