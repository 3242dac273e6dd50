"""Django's PostgreSQL, with statements that are planned once, and a cheap check of kept connections.

CONN_HEALTH_CHECKS sends a query before the first one of each request. ADE looks at the socket instead: a
server that ended a connection has sent a last message or closed the socket. If there is nothing to
read, the connection works as far as that query could show.
"""

import random
import select
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import psycopg
from django.conf import settings
from django.db.backends.postgresql import base, operations
from django.db.backends.utils import CursorWrapper
from psycopg import IsolationLevel
from psycopg.adapt import AdaptersMap
from psycopg.pq import Format

from ade.db.postgres.silence import Address, Connection, servers

# A plan fits the sizes of the tables at that time: for an empty table it is a full scan. Planning again
# every few seconds has no measurable cost.
PLAN_SECONDS = 10


class Operations(operations.DatabaseOperations):
    """Django's operations, which know no text of statements that the server plans once."""

    def last_executed_query(self, cursor: Any, sql: str, params: Any) -> str:
        """Return the statement for debugging and tests; one that is planned once without its values."""
        return super().last_executed_query(cursor, sql, params) or str(sql)


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection whose health is queried only if its socket has something to read."""

    ops_class = Operations
    _planned_at = 0.0
    health_check_done: bool  # Django sets it

    def get_connection_params(self) -> dict[str, Any]:
        """Return Django's parameters, with prepared statements unless a pooler shares the sessions."""
        params: dict[str, Any] = super().get_connection_params()
        params["context"] = _with_fast_times(params["context"])
        if not settings.POOLER:
            params["prepare_threshold"] = 0
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Connection:
        """Connect to the first of the hosts that answers and fits `target_session_attrs`.

        One thread tries a silent host now and then. The others skip it.
        """
        self.isolation_level = IsolationLevel.READ_COMMITTED
        failures = []
        addresses = _addresses(conn_params)
        for address in addresses:
            if not servers.may_try(address):
                continue
            try:
                return Connection.to(address, conn_params, others=len(addresses) > 1)
            except psycopg.OperationalError as error:
                failures.append(error)
        if len(failures) == 1:
            raise failures[0]
        said = "; ".join(" ".join(str(error).split()) for error in failures)
        raise psycopg.OperationalError(f"No server can be used. {said or 'None answers.'}")

    def init_connection_state(self) -> None:
        """Let prepared statements have one plan, whatever their parameters."""
        super().init_connection_state()
        if not settings.POOLER:
            self.connection.execute("SET plan_cache_mode = force_generic_plan")

    def create_cursor(self, name: str | None = None) -> Any:
        """Return Django's cursor, which would read times in the zone of its connection: always UTC here."""
        if name is None:
            return self.connection.cursor()
        withhold = self.connection.autocommit
        return base.ServerSideCursor(
            self.connection,  # type: ignore[call-arg]  # psycopg's connection, not Django's
            name=name,
            scrollable=False,
            withhold=withhold,
        )

    def lookup_cursor(self) -> CursorWrapper:
        """Return a cursor whose statements the server prepares: it keeps them parsed and planned.

        Only for statements that find rows by their keys, which have one good plan. For others use
        `cursor`, which plans them for their values.
        """
        if settings.POOLER:
            return self.cursor()
        with self.wrap_database_errors:
            # As `cursor` does, so that statements are timed and counted.
            wrapped: CursorWrapper = self._prepare_cursor(self._planning_cursor())  # type: ignore[attr-defined]  # Django's own
            return wrapped

    def look_up(self, sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Run a statement with a `lookup_cursor` and return its rows.

        Without the layers of Django's cursor, which would add a third to the time of such a statement.
        """
        if settings.POOLER or self.queries_logged:
            with self.lookup_cursor() as logged:
                logged.execute(sql, params)
                rows: list[tuple[Any, ...]] = logged.fetchall()
            return rows
        self.validate_no_broken_transaction()
        execute: Callable[..., Any] = _execute
        for wrapper in reversed(self.execute_wrappers):
            execute = partial(wrapper, execute)
        with self.wrap_database_errors:
            cursor = self._planning_cursor()
            execute(sql, params, False, {"connection": self, "cursor": cursor})
            found: list[tuple[Any, ...]] = cursor.fetchall()
        return found

    def _planning_cursor(self) -> Any:
        """Return a cursor of the driver. Plans that are old are forgotten first."""
        self.close_if_health_check_failed()
        self.ensure_connection()
        if time.monotonic() - self._planned_at > PLAN_SECONDS:
            self.connection.execute("DISCARD PLANS")
            self._planned_at = time.monotonic()
        return base.ServerBindingCursor(self.connection)  # type: ignore[call-arg]  # psycopg's connection, not Django's

    def close_if_health_check_failed(self) -> None:
        """Close the connection if it is no longer usable. Its socket is looked at once per request."""
        if self.connection is not None and not self.in_atomic_block:
            if servers.is_silent(self.connection.address):
                self.close()
            elif not self.health_check_done and self._is_quiet():
                self.health_check_done = True
        super().close_if_health_check_failed()

    def is_usable(self) -> bool:
        """True if the connection can be used after an error. False if its server accepts no writes."""
        wanted = self.settings_dict["OPTIONS"].get("target_session_attrs")
        if wanted not in ("read-write", "primary"):
            usable: bool = super().is_usable()
            return usable
        try:
            found = self.connection.execute("SHOW transaction_read_only").fetchone()
        except psycopg.Error:
            return False
        return bool(found == ("off",))

    def _is_quiet(self) -> bool:
        """True if the server has sent nothing since the last answer."""
        if self.connection.closed:
            return False
        waiting = select.poll()
        waiting.register(self.connection.fileno(), select.POLLIN)
        return not waiting.poll(0)


def _execute(sql: str, params: Sequence[Any], many: bool, context: dict[str, Any]) -> None:
    context["cursor"].execute(sql, params)


def _with_fast_times(context: AdaptersMap) -> AdaptersMap:
    """Return Django's adapters with psycopg's own reader of times, written in C: ten times as fast."""
    adapters = AdaptersMap(context)
    reader = psycopg.adapters.get_loader(psycopg.adapters.types["timestamptz"].oid, Format.TEXT)
    assert reader is not None  # noqa: S101  # for mypy: psycopg can always read times
    adapters.register_loader("timestamptz", reader)
    return adapters


def _addresses(params: dict[str, Any]) -> list[Address]:
    """Return the hosts and ports of a connection, in the order in which to try them."""
    hosts, ports = str(params.get("host", "")).split(","), str(params.get("port", "")).split(",")
    if len(ports) == 1:
        ports *= len(hosts)
    if "hostaddr" in params or "service" in params or len(ports) != len(hosts):
        return [("", "")]  # left to the driver
    found = list(zip(hosts, ports, strict=True))
    if params.get("load_balance_hosts") == "random":
        random.shuffle(found)
    return found
