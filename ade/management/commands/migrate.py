"""Django's `migrate`, which on PostgreSQL does not make others wait for a lock.

To change a table, PostgreSQL waits until every transaction that reads it has ended, for example a backup.
Meanwhile, all new requests for that table wait too.
"""

import time
from typing import Any

from django.conf import settings
from django.core.management.commands import migrate
from django.db import OperationalError, connections
from psycopg.errors import DeadlockDetected, LockNotAvailable

# Milliseconds that a migration waits for a lock, less than PostgreSQL's `deadlock_timeout`, and seconds
# between two tries.
LOCK_MS, PAUSE = 500, 2.0
LONGEST = 3600.0  # seconds of trying again, after which the error ends the command


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate. A migration that does not get a lock is rolled back and tried again."""
        connection = connections[options["database"]]
        if connection.vendor != "postgresql" or settings.POOLER:
            super().handle(*args, **options)
            return
        deadline = time.monotonic() + LONGEST
        while True:
            with connection.cursor() as cursor:
                cursor.execute(f"SET lock_timeout = {LOCK_MS}")
            try:
                super().handle(*args, **options)
                return
            except OperationalError as error:
                if not isinstance(error.__cause__, LockNotAvailable | DeadlockDetected):
                    raise
                if time.monotonic() > deadline:
                    raise
                self.stderr.write(
                    "Another transaction uses a table that this migration changes, for example a "
                    f"backup. Nothing waits for it: trying again in {PAUSE:g} seconds."
                )
            time.sleep(PAUSE)
