"""How long a write of very many agents takes here: measured at the last one, guessed before any."""

import math
import time
from functools import partial

from django.core.cache import cache
from django.db import connection, transaction

_KEY = "agents-a-second"
_KEPT = 90 * 86400  # seconds
# Of fewer, what does not grow with them counts for too much.
_LEAST = 1_000
# Agents a second, measured on two busy cores (docs/history.md); on idle ones it is thrice as fast.
_GUESS = {"postgresql": 5_000, "sqlite": 8_000}


def begin() -> float:
    """The moment from which `note` counts."""
    return time.monotonic()


def note(agents: int, began: float) -> None:
    """Measure, once this transaction is committed, how fast it went."""
    if agents >= _LEAST:
        transaction.on_commit(partial(_keep, agents, began), robust=True)


def seconds(agents: int) -> int:
    """How long a write of so many agents is likely to take, at least one."""
    pace = cache.get(_KEY) or _GUESS[connection.vendor]
    return max(1, math.ceil(agents / pace))


def _keep(agents: int, began: float) -> None:
    cache.set(_KEY, agents / max(time.monotonic() - began, 0.001), _KEPT)
