"""Django's PostgreSQL, with a check of kept connections that asks the server nothing.

CONN_HEALTH_CHECKS sends a query before the first one of each request. A server that has ended a
connection has told its socket so, by its last message or by closing it: while nothing lies there to
be read, the connection is as good as that query could tell.
"""

import select

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that is asked for its health only where its socket has something to say."""

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
