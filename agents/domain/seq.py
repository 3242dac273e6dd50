"""Primary keys of agents: numbers whose order is the order of creation.

A seq is the microseconds from 2020 to `created_at`, times 4096, plus low bits that only rise within
a process. Two processes can still choose the same one; whoever inserts retries with the next.
"""

import itertools
import secrets
import threading
from datetime import UTC, datetime, timedelta

from agents.errors import Invalid

_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_LOW_BITS = 12
_LOW = 1 << _LOW_BITS
_MICROSECOND = timedelta(microseconds=1)
# 51 bits of microseconds fit a signed 64-bit key on both sides of 2020.
_FIRST = _EPOCH - timedelta(microseconds=(1 << 51) - 1)
_LAST = _EPOCH + timedelta(microseconds=(1 << 51) - 1)


class SeqGenerator:
    """Hands out keys, each once in this process; for one timestamp they rise."""

    def __init__(self) -> None:
        # A random start makes two processes that share a microsecond collide rarely.
        self._low = itertools.count(secrets.randbelow(_LOW))
        self._base = self._last = 0
        self._lock = threading.Lock()

    def next(self, created_at: datetime) -> int:
        """A key for an agent created then. Raises Invalid outside the years 1948 to 2091."""
        base = floor(created_at)
        with self._lock:
            if base == self._base:
                # Many rows with one timestamp keep the order in which they came, also past 4,096.
                self._last += 1
            else:
                self._base, self._last = base, base + next(self._low) % (_LOW // 2)
            return self._last


def floor(moment: datetime) -> int:
    """The lowest key of an agent created at `moment`."""
    if not _FIRST <= moment <= _LAST:
        raise Invalid("created_at must lie between the years 1948 and 2091.", field="created_at")
    return ((moment - _EPOCH) // _MICROSECOND) << _LOW_BITS


next_seq = SeqGenerator().next
