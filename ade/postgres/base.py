"""Django's PostgreSQL, with statements that are planned once, and a cheap check of kept connections.

CONN_HEALTH_CHECKS sends a query before the first one of each request. A server that has ended a
connection has told its socket so, by its last message or by closing it: while nothing lies there to
be read, the connection is as good as that query could tell.
"""

import select
import time
from typing import Any

from django.conf import settings
from django.db.backends.postgresql import base
from django.db.backends.utils import CursorWrapper

# A plan is made for tables as large as they were then: of empty ones it reads all. To plan anew every
# few seconds costs nothing that could be measured.
PLAN_SECONDS = 10


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that is asked for its health only where its socket has something to say."""

    _planned_at = 0.0

    def get_connection_params(self) -> dict[str, Any]:
        """Django's, with prepared statements, but behind a pooler: they belong to a session."""
        params: dict[str, Any] = super().get_connection_params()
        if not settings.POOLER:
            params["prepare_threshold"] = 0
        return params

    def init_connection_state(self) -> None:
        """Django's; and what is prepared has one plan, whatever its parameters."""
        super().init_connection_state()
        if not settings.POOLER:
            self.connection.execute("SET plan_cache_mode = force_generic_plan")

    def lookup_cursor(self) -> CursorWrapper:
        """A cursor whose statements the server keeps, parsed and planned.

        Only for statements that find rows by their keys, which have one good plan. All others go
        through `cursor`, and are planned for the values that they come with.
        """
        if settings.POOLER:
            return self.cursor()
        self.close_if_health_check_failed()
        self.ensure_connection()
        with self.wrap_database_errors:
            if time.monotonic() - self._planned_at > PLAN_SECONDS:
                self.connection.execute("DISCARD PLANS")
                self._planned_at = time.monotonic()
            cursor = base.ServerBindingCursor(self.connection)  # type: ignore[call-arg]  # psycopg's
            # As `cursor` does: timed, and seen by whatever counts statements.
            wrapped: CursorWrapper = self._prepare_cursor(cursor)  # type: ignore[attr-defined]  # Django's own
            return wrapped

    def close_if_health_check_failed(self) -> None:
        """Close the connection if it is not usable any more; once a request."""
        if self.connection is not None and self._is_silent():
            self.health_check_done = True
        super().close_if_health_check_failed()

    def _is_silent(self) -> bool:
        """True if the server has sent nothing since the last answer."""
        if self.connection.closed:
            return False
        waiting = select.poll()
        waiting.register(self.connection.fileno(), select.POLLIN)
        return not waiting.poll(0)
