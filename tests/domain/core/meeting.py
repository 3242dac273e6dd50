"""Two writes that meet, on PostgreSQL: the second waits for the first, and then goes on."""

import threading
from collections.abc import Callable

from django.db import connection, transaction


def meet(first: Callable[[], object], second: Callable[[], object]) -> None:
    """Do `first`, and commit it once `second` waits for that; both are done on return."""

    def do_and_leave() -> None:
        try:
            second()
        finally:
            connection.close()  # or the test database could not be removed

    thread = threading.Thread(target=do_and_leave)
    with transaction.atomic():
        first()
        thread.start()
        while not somebody_waits_for_us():
            assert thread.is_alive()
    thread.join()


def somebody_waits_for_us() -> bool:
    # Not by pg_stat_activity: a transaction that has read it once sees nobody who came later.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks"
            " WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        return bool(cursor.fetchone()[0])
