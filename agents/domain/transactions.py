"""How every write is wrapped, and how a page reads one consistent state."""

import functools
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

from django.db import OperationalError, connection, connections, transaction

from ade import outage, replica
from agents.actors import Actor
from agents.domain.marks import mark_after_commit
from agents.errors import Conflict

P = ParamSpec("P")
R = TypeVar("R")

_RETRY_STATES = {"40P01", "40001"}  # PostgreSQL: deadlock detected, could not serialise
# Of eight that replace the tags of one agent without a pause, one in eight attempts succeeds.
_ATTEMPTS = 100
_LONGEST_PAUSE = 0.02  # seconds
_SNAPSHOT = {
    "sqlite": "BEGIN DEFERRED",
    "postgresql": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
}
_writing = ContextVar("writing", default=False)


class Moved(Exception):
    """What a write looked at before its locks is not what it found under them. It is run again."""


def write(function: Callable[P, R]) -> Callable[P, R]:
    """Run the function in one transaction, and again from the start where others came between.

    That is: where it raises Moved, or PostgreSQL broke a deadlock. It may therefore run several
    times: no argument may be an iterator. Inside another transaction a deadlock is left to
    whoever began that one. Inside another such function it is a plain call: the outer one runs
    again. Whoever goes on after an error of it wraps it in an atomic() of its own. Raises Conflict
    where it never finds its state at rest.
    """

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        if _writing.get():
            return marked(*args, **kwargs)
        token = _writing.set(True)
        try:
            return until_done(*args, **kwargs)
        finally:
            _writing.reset(token)

    def marked(*args: P.args, **kwargs: P.kwargs) -> R:
        for actor in (*args, *kwargs.values()):
            if isinstance(actor, Actor):
                mark_after_commit(actor)
        return function(*args, **kwargs)

    def until_done(*args: P.args, **kwargs: P.kwargs) -> R:
        outermost = not connection.in_atomic_block
        for attempt in range(_ATTEMPTS):
            try:
                with transaction.atomic():
                    result = marked(*args, **kwargs)
                if outermost:
                    outage.saved()
                return result
            except Moved:
                pass
            except OperationalError as error:
                state = getattr(error.__cause__, "sqlstate", None)
                if state not in _RETRY_STATES or not outermost:
                    raise
            # Two that met are not to meet again.
            time.sleep(random.uniform(0, min(0.001 * attempt, _LONGEST_PAUSE)))  # noqa: S311
        raise Conflict("Others keep changing this at the same moment. Try again.")

    return wrapped


@contextmanager
def snapshot() -> Iterator[None]:
    """Reads inside see one state of the database, and take no write lock on SQLite."""
    asked = connections[replica.alias()]
    if asked.in_atomic_block:
        yield
        return
    # Django's atomic() begins IMMEDIATE on SQLite, which would wait for writers; on PostgreSQL it
    # takes one more statement to say what kind of transaction it is.
    with asked.cursor() as cursor:
        cursor.execute(_SNAPSHOT[asked.vendor])
        try:
            yield
        finally:
            cursor.execute("COMMIT")
