"""Rate limits: requests of a caller per minute, counted by all processes of a machine together.

This is the generic cell rate algorithm. It stores one number for each caller, the theoretical arrival
time: each request moves it by a fixed share of a minute, and it may be at most a minute ahead of the
clock, which is the burst. A time that has passed means the same as no number, so nothing is cleaned up.

The numbers are in a file of fixed size that the processes map into memory. In the database each count
would be a write, and SQLite has one writer. The file costs microseconds and works without the
database. Each machine counts for itself.
"""

import errno
import fcntl
import hashlib
import logging
import mmap
import struct
import threading
import time
from functools import cache, lru_cache
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

from ade.ops import metrics, runtime_folder

log = logging.getLogger(__name__)

MINUTE = 60.0
_SETS, _ENTRIES = 8192, 8  # callers counted at the same time: 65,536, in a megabyte
_ENTRY = struct.Struct("<Qd")  # digest of the caller; arrival time in seconds since 1970
_SET_BYTES = _ENTRY.size * _ENTRIES


class Verdict(NamedTuple):
    """The answer for a caller. `wait`: seconds until the next request is allowed; 0 if it is now."""

    limit: int
    remaining: int
    reset: float
    wait: float


class Table:
    """The numbers of all callers, in a shared file or in the memory of this process."""

    def __init__(self, path: Path | None) -> None:
        size = _SETS * _SET_BYTES
        self._thread = threading.Lock()
        self._file: int | None = None
        if path is None:
            self._map = mmap.mmap(-1, size)
            return
        self._file = runtime_folder.reserve(path, size)
        self._map = mmap.mmap(self._file, size)

    def take(self, caller: str, per_minute: int, *, cost: int = 1) -> Verdict:
        """Count a request of the caller, unless the caller is over the limit. `cost=0` only looks."""
        who, number = _digest(caller)
        if not cost:
            return self._take(who, number * _SET_BYTES, per_minute, cost)
        with self._thread:
            # The file is opened once in a process, so threads need a lock of their own. Not lockf:
            # it fails with EDEADLK if one thread of a process waits here for another process, whose
            # other thread waits for a lock of this process, such as the one of SQLite's writers.
            if self._file is not None:
                fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                return self._take(who, number * _SET_BYTES, per_minute, cost)
            finally:
                if self._file is not None:
                    fcntl.flock(self._file, fcntl.LOCK_UN)

    def knows(self, caller: str) -> bool:
        """True if the caller was counted, and no other caller has replaced the entry."""
        who, number = _digest(caller)
        return any(entry[0] == who for entry in self._entries(number * _SET_BYTES))

    def _take(self, who: int, start: int, per_minute: int, cost: int) -> Verdict:
        now, share = time.time(), MINUTE / per_minute
        entries = self._entries(start)
        found = next((n for n, entry in enumerate(entries) if entry[0] == who), None)
        paid = now if found is None else entries[found][1]
        if not now <= paid <= now + 2 * MINUTE:  # in the past, or written with another clock
            paid = now
        then = paid + share * cost
        left = MINUTE - (then - now)
        if left < -1e-6:
            return Verdict(per_minute, 0, paid - now, -left)
        if cost:
            if found is None:  # replace the entry with the earliest time: it loses least
                found = min(range(_ENTRIES), key=lambda n: entries[n][1])
            _ENTRY.pack_into(self._map, start + found * _ENTRY.size, who, then)
        return Verdict(per_minute, int(left / share + 1e-6), then - now, 0.0)

    def _entries(self, start: int) -> list[tuple[int, float]]:
        return list(_ENTRY.iter_unpack(self._map[start : start + _SET_BYTES]))


@cache
def table() -> Table:
    """Return the table of all processes of the server; of this process if the disk has no room."""
    folder = runtime_folder.folder()
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
    """Return the seconds that an address must wait before its credentials are looked up, or 0.

    A caller that was counted lately does not wait: others at its address cannot lock it out.
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


@lru_cache(maxsize=1_000)
def _network(address: str) -> str:
    """Return the address, or the /64 network of an IPv6 address: its owner has all of it."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(IPv6Address(int(parsed) >> 64 << 64))
    return str(parsed)


def _digest(caller: str) -> tuple[int, int]:
    """Return a caller's digest and set. Keyed, so that nobody can choose to share a set with another."""
    key, text = _key(settings.SECRET_KEY), caller.encode("utf-8", "replace")
    digest = hashlib.blake2b(text, digest_size=16, key=key).digest()
    return int.from_bytes(digest[:8], "little") or 1, int.from_bytes(digest[8:], "little") % _SETS


@lru_cache(maxsize=1)
def _key(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
