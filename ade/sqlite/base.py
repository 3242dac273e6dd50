"""Django's SQLite, with a wait for the write lock in which no writer is passed over for long.

SQLite's own wait asks after 1, 2, 5, ... and at last every 100 ms, so whoever has just come
overtakes those who wait: of eight writers one in a hundred waited for half a second and more. Here
all ask as often, and those who have waited more often still. A lock of a file, which queues, made
the waits shorter yet and a third fewer writes a second: each change of hands costs a switch of
processes.
"""

import random
import sqlite3
import time

from django.db import OperationalError
from django.db.backends.sqlite3 import base

# Seconds between two tries: at random, so that two that met do not meet again; and the share of
# that, at the least, after a wait of _PATIENCE.
_PAUSE = (0.002, 0.008)
_PATIENCE = 0.12
_LEAST = 0.12


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection whose transactions begin fairly. What runs outside of one waits as ever."""

    def _start_transaction_under_autocommit(self) -> None:
        """Begin; OperationalError after `timeout` (of OPTIONS) seconds."""
        longest = float(self.settings_dict["OPTIONS"]["timeout"])
        self.connection.execute("PRAGMA busy_timeout = 0")
        try:
            came = time.monotonic()
            while not self._begin():
                waited = time.monotonic() - came
                if waited > longest:
                    raise OperationalError("database is locked")
                time.sleep(_pause(waited))
        finally:
            self.connection.execute(f"PRAGMA busy_timeout = {longest * 1000:.0f}")

    def _begin(self) -> bool:
        """Begin if nobody holds the lock."""
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]  # not in the stubs
        except OperationalError as error:
            if getattr(error.__cause__, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            return False
        return True


def _pause(waited: float) -> float:
    share = max(_LEAST, 1 - waited / _PATIENCE)
    return share * random.uniform(*_PAUSE)  # noqa: S311  # no secret
