"""Primary keys of agents: numbers whose order is the order of creation.

A seq is the microseconds from 2020 to `created_at`, times 4096, plus low bits that only rise within
a process. Two processes can still choose the same one; whoever inserts skips past it and retries.
"""

import itertools
import secrets
import threading
from collections import OrderedDict
from datetime import UTC, datetime, timedelta

from agents.errors import Invalid

_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_LOW_BITS = 12
KEYS = 1 << _LOW_BITS  # of one microsecond
_MICROSECOND = timedelta(microseconds=1)
# 51 bits of microseconds fit a signed 64-bit key on both sides of 2020.
_FIRST = _EPOCH - timedelta(microseconds=(1 << 51) - 1)
_LAST = _EPOCH + timedelta(microseconds=(1 << 51) - 1)
# Timestamps whose last key is remembered: imports mix several, each shared by many agents.
_REMEMBERED = 4096
# How far the keys of one timestamp may run into those of the next ones: a second, 4 billion keys.
SPREAD = 1_000_000 << _LOW_BITS


class SeqGenerator:
    """Hands out keys, each once in this process; for one timestamp they rise.

    That holds for the last 4,096 timestamps; for older ones a key may come twice.
    """

    def __init__(self) -> None:
        # A random start makes two processes that share a microsecond collide rarely.
        self._low = itertools.count(secrets.randbelow(KEYS))
        self._last: OrderedDict[int, int] = OrderedDict()
        self._lock = threading.Lock()

    def next(self, created_at: datetime) -> int:
        """A key for an agent created then. Raises Invalid outside the years 1948 to 2091."""
        base = floor(created_at)
        with self._lock:
            last = self._last.get(base)
            # Many rows with one timestamp keep the order in which they came, also past 4,096.
            key = base + next(self._low) % (KEYS // 2) if last is None else last + 1
            self._remember(base, key)
            return key

    def skip_past(self, created_at: datetime, key: int) -> None:
        """Hand out only higher keys than `key` for this timestamp: others have those up to it."""
        base = floor(created_at)
        with self._lock:
            self._remember(base, max(key, self._last.get(base, key)))

    def _remember(self, base: int, key: int) -> None:
        self._last[base] = key
        self._last.move_to_end(base)
        if len(self._last) > _REMEMBERED:
            self._last.popitem(last=False)


def floor(moment: datetime) -> int:
    """The lowest key of an agent created at `moment`."""
    if not _FIRST <= moment <= _LAST:
        raise Invalid("created_at must lie between the years 1948 and 2091.", field="created_at")
    return ((moment - _EPOCH) // _MICROSECOND) << _LOW_BITS


_generator = SeqGenerator()
next_seq = _generator.next
skip_past = _generator.skip_past
