"""Primary keys of agents (seq), in the order of creation.

A seq is the microseconds from 2020 to `created_at`, times 4096, plus low bits that are random: a count
would tell those who see a seq how many agents others create. Two processes can choose the same seq. Then
the insert fails and is retried with higher numbers.
"""

import secrets
import threading
from collections import OrderedDict
from datetime import UTC, datetime, timedelta

from agents.core.errors import Invalid

_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_LOW_BITS = 12
KEYS = 1 << _LOW_BITS  # keys for each microsecond
_MICROSECOND = timedelta(microseconds=1)
# A signed 64-bit key has room for 51 bits of microseconds before and after 2020.
_FIRST = _EPOCH - timedelta(microseconds=(1 << 51) - 1)
_LAST = _EPOCH + timedelta(microseconds=(1 << 51) - 1)
# Timestamps whose last key is remembered: an import mixes several, each with many agents.
_REMEMBERED = 4096
# How far the keys of one timestamp may extend into later ones: a second, or 4 billion keys.
SPREAD = 1_000_000 << _LOW_BITS


class SeqGenerator:
    """Hand out keys: each only once in this process, increasing for each timestamp.

    This holds for the last 4,096 timestamps. For older ones a key can repeat.
    """

    def __init__(self) -> None:
        self._last: OrderedDict[int, int] = OrderedDict()
        self._lock = threading.Lock()

    def next(self, created_at: datetime) -> int:
        """Return a key for an agent created at this time. Raises Invalid outside the years 1948 to 2091."""
        base = floor(created_at)
        with self._lock:
            last = self._last.get(base)
            # Rows with the same timestamp keep their order, even if there are more than 4,096.
            key = base + secrets.randbelow(KEYS // 2) if last is None else last + 1
            self._remember(base, key)
            return key

    def skip_past(self, created_at: datetime, key: int) -> None:
        """Hand out only keys above `key` for this timestamp: lower ones are taken."""
        base = floor(created_at)
        with self._lock:
            self._remember(base, max(key, self._last.get(base, key)))

    def _remember(self, base: int, key: int) -> None:
        self._last[base] = key
        self._last.move_to_end(base)
        if len(self._last) > _REMEMBERED:
            self._last.popitem(last=False)


def floor(moment: datetime) -> int:
    """Return the lowest key for an agent created at `moment`."""
    if not _FIRST <= moment <= _LAST:
        raise Invalid("created_at must lie between the years 1948 and 2091.", field="created_at")
    return ((moment - _EPOCH) // _MICROSECOND) << _LOW_BITS


_generator = SeqGenerator()
next_seq = _generator.next
skip_past = _generator.skip_past
