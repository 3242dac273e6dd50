"""How long the web server lets one statement run. Commands and the worker may take their time.

Nor are its statements compiled: they are short, and one whose cost PostgreSQL puts too high, where
its statistics are old, would wait 0.1 s for that.

PostgreSQL ends a statement by itself, lock waits included. SQLite asks while it works, and its
wait for the write lock has its own end (`timeout` in settings.py).
"""

import time
from collections.abc import Callable
from itertools import chain
from typing import Any

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

# Seconds that a connection may stand idle inside a transaction, holding its locks.
IDLE_SECONDS = 60
# Steps of SQLite's machine between two looks at the clock: a millisecond or so.
_STEPS = 50_000


def begin() -> None:
    """Limit the statements of every connection that this process opens from now on."""
    connection_created.connect(_limit, dispatch_uid="ade.patience")


def _limit(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if connection.vendor == "sqlite":
        if not settings.STATEMENT_SECONDS:
            return
        watch = _Watch()
        connection.connection.set_progress_handler(watch.is_over, _STEPS)
        others = [one for one in connection.execute_wrappers if not isinstance(one, _Watch)]
        connection.execute_wrappers[:] = [*others, watch]
    elif settings.POOLER != "transaction":  # the next to be lent the connection would have it too
        wanted = {"jit": "off"}
        if settings.STATEMENT_SECONDS:
            wanted["statement_timeout"] = f"{settings.STATEMENT_SECONDS}s"
            wanted["idle_in_transaction_session_timeout"] = f"{IDLE_SECONDS}s"
        settings_sql = ", ".join(["set_config(%s, %s, false)"] * len(wanted))
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {settings_sql}", [*chain.from_iterable(wanted.items())])


class _Watch:
    """Notes when each statement of a connection began."""

    def __init__(self) -> None:
        self._until = float("inf")

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        self._until = time.monotonic() + settings.STATEMENT_SECONDS
        return execute(sql, params, many, context)

    def is_over(self) -> bool:
        """Asked by SQLite while it works; True ends the statement."""
        return time.monotonic() > self._until
