"""How every write is wrapped, and how a page reads one consistent state."""

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from django.db import OperationalError, connection, transaction

P = ParamSpec("P")
R = TypeVar("R")

_RETRY_STATES = {"40P01", "40001"}  # PostgreSQL: deadlock detected, could not serialise
_ATTEMPTS = 5


def write(function: Callable[P, R]) -> Callable[P, R]:
    """Run the function in one transaction; where PostgreSQL breaks a deadlock, run it again.

    Locks are taken in one order everywhere (tags by id, then agents by seq), which leaves only the
    deadlocks between two inserts of the same new tags. Inside another transaction nothing is
    retried: whoever began it does.
    """

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        if connection.in_atomic_block:
            with transaction.atomic():
                return function(*args, **kwargs)
        for attempt in range(_ATTEMPTS):
            try:
                with transaction.atomic():
                    return function(*args, **kwargs)
            except OperationalError as error:
                state = getattr(error.__cause__, "sqlstate", None)
                if state not in _RETRY_STATES or attempt == _ATTEMPTS - 1:
                    raise
                time.sleep(0.01 * 2**attempt)
        raise AssertionError("unreachable")

    return wrapped


@contextmanager
def snapshot() -> Iterator[None]:
    """Reads inside see one state of the database, and take no write lock on SQLite."""
    if connection.in_atomic_block:
        yield
        return
    if connection.vendor == "postgresql":
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield
        return
    # Django's atomic() begins IMMEDIATE here, which would wait for writers.
    with connection.cursor() as cursor:
        cursor.execute("BEGIN DEFERRED")
        try:
            yield
        finally:
            cursor.execute("COMMIT")
