"""Estimate how long a write of many agents takes, from the last such write or from a default."""

import math
import time
from functools import partial

from django.core.cache import cache
from django.db import connection, transaction

_KEY = "agents-a-second"
_CACHE_SECONDS = 90 * 86400
# Smaller writes are not measured: their fixed costs would distort the rate.
_LEAST = 1_000
# Agents per second, measured on two busy cores (docs/explain/history.md). Idle cores are three times as fast.
_JOB = {"postgresql": 1_500, "sqlite": 500}  # in batches, in the worker
_DEFAULT = {"postgresql": 5_000, "sqlite": 8_000}


def begin() -> float:
    """Start measuring a write. Pass the result to `note`."""
    return time.monotonic()


def note(agents: int, began: float) -> None:
    """Store how fast this write was, after the commit."""
    if agents >= _LEAST:
        transaction.on_commit(partial(_store, agents, began), robust=True)


def seconds(agents: int) -> int:
    """Estimate the seconds for a write of this many agents in one transaction, at least 1."""
    pace = cache.get(_KEY) or _DEFAULT[connection.vendor]
    return max(1, math.ceil(agents / pace))


def job_seconds(agents: int) -> int:
    """Estimate the seconds for this many agents in batches in the worker, at least 1."""
    return max(1, round(agents / _JOB[connection.vendor]))


def _store(agents: int, began: float) -> None:
    cache.set(_KEY, agents / max(time.monotonic() - began, 0.001), _CACHE_SECONDS)
