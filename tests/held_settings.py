"""The settings of a worker that comes to a halt in the middle of a bulk change, for a test to kill.

Another process than the test's could be at its end before the test saw it begin.
"""

import time
from collections.abc import Callable
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from ade.settings import *  # noqa: F403  # as any worker

# So many batches it does. Then it halts: with the next one written and not committed, or before it.
HOLD_AFTER = env.int("HOLD_AFTER")  # noqa: F405
HOLD_INSIDE = env.bool("HOLD_INSIDE")  # noqa: F405


class _Hold:
    """Counts batches by what ends each: a look at how far the plan is."""

    def __init__(self) -> None:
        self._batches = 0

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        ends = sql.startswith('UPDATE "agents_bulkplan"') and '"looked"' in sql
        if self._batches == HOLD_AFTER and (ends or not HOLD_INSIDE):
            while True:
                time.sleep(60)
        self._batches += ends
        return execute(sql, params, many, context)


_hold = _Hold()


def _watch(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if _hold not in connection.execute_wrappers:
        connection.execute_wrappers.append(_hold)


connection_created.connect(_watch)
