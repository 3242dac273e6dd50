"""The time limit for statements of the web server. Commands and the worker have none or a long one.

JIT compilation is off: the statements are short, and with old statistics PostgreSQL may spend 0.1 s
compiling one.

PostgreSQL ends a statement by itself, including lock waits. SQLite calls a function while it works; its
wait for the write lock has a limit of its own (`timeout` in settings.py).
"""

import time
from collections.abc import Callable
from itertools import chain
from typing import Any

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

# Seconds that a connection may be idle in a transaction, with its locks.
IDLE_SECONDS = 60
# Seconds after the limit until ADE abandons a server that did not end the statement.
GRACE_SECONDS = 2
# Seconds that one statement of the worker may take.
WORKER_SECONDS = 600
# Steps of SQLite's virtual machine between two looks at the clock: about a millisecond.
_STEPS = 50_000


def begin() -> None:
    """Limit the statements of every connection that this process opens from now on."""
    connection_created.connect(_limit, dispatch_uid="ade.db.statement_timeout")


def begin_worker() -> None:
    """Abandon a PostgreSQL server that does not answer the worker for WORKER_SECONDS."""
    connection_created.connect(_limit_worker, dispatch_uid="ade.db.statement_timeout")


def _limit_worker(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if connection.vendor == "postgresql":
        connection.connection.limit = WORKER_SECONDS


def _limit(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if connection.vendor == "sqlite":
        if not settings.STATEMENT_SECONDS:
            return
        watch = _Watch()
        connection.connection.set_progress_handler(watch.is_over, _STEPS)
        others = [run for run in connection.execute_wrappers if not isinstance(run, _Watch)]
        connection.execute_wrappers[:] = [*others, watch]
        return
    if settings.STATEMENT_SECONDS:
        # Longer than the server's own limit, after which the connection can still be used.
        connection.connection.limit = settings.STATEMENT_SECONDS + GRACE_SECONDS
    if (
        settings.POOLER != "transaction"
    ):  # the pooler's next client of the connection would get it too
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
        """Return True to end the statement. SQLite calls it while it works."""
        return time.monotonic() > self._until
