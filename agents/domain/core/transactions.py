"""The decorator for writes, and consistent reads."""

import functools
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ParamSpec, TypeVar, cast

from django.db import OperationalError, connection, connections, transaction

from ade.db import replica
from ade.ops import outage
from agents.core.actors import Actor
from agents.core.errors import Busy
from agents.domain.core.replica_marks import mark_after_commit
from agents.domain.core.rights import require_unchanged_rights

P = ParamSpec("P")
R = TypeVar("R")

_RETRY_STATES = {"40P01", "40001"}  # PostgreSQL: deadlock detected, could not serialise
# When eight writers replace the tags of one agent without pausing, one in eight attempts succeeds.
_ATTEMPTS = 100
_LONGEST_PAUSE = 0.02  # seconds
_SNAPSHOT = {
    "sqlite": "BEGIN DEFERRED",
    "postgresql": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
}
# The actors whose rights are checked before the current write commits. None outside a write.
_writing: ContextVar[set[Actor] | None] = ContextVar("writing", default=None)


class RowsChanged(Exception):
    """Rows changed between the first read and the lock. The write is retried."""


def write(function: Callable[P, R]) -> Callable[P, R]:
    """Run the function in one transaction, and retry it if other writers interfere.

    It is retried if it raises RowsChanged or if PostgreSQL reports a deadlock, so no argument may be an
    iterator. Inside another transaction, a deadlock is left to the caller. Inside another `write`
    function this is a plain call, and the outer function is retried. A caller that continues after an
    error must wrap the call in its own atomic().

    The last statement checks that each actor among the arguments still has its rights, and raises
    NotAllowed if not. Raises Busy if all attempts fail.
    """

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        if _writing.get() is not None:
            return marked(*args, **kwargs)
        token = _writing.set(set())
        try:
            return until_done(*args, **kwargs)
        finally:
            _writing.reset(token)

    def marked(*args: P.args, **kwargs: P.kwargs) -> R:
        for actor in (*args, *kwargs.values()):
            if isinstance(actor, Actor):
                mark_after_commit(actor)
                check_at_end(actor)
        return function(*args, **kwargs)

    def until_done(*args: P.args, **kwargs: P.kwargs) -> R:
        outermost = not connection.in_atomic_block
        for attempt in range(_ATTEMPTS):
            try:
                with transaction.atomic():
                    actors = _pending()
                    actors.clear()
                    result = marked(*args, **kwargs)
                    for actor in actors:
                        require_unchanged_rights(actor)
                if outermost:
                    outage.saved()
                return result
            except RowsChanged:
                pass
            except OperationalError as error:
                state = getattr(error.__cause__, "sqlstate", None)
                if state not in _RETRY_STATES or not outermost:
                    raise
            # A random pause, so that two writers do not collide again.
            time.sleep(random.uniform(0, min(0.001 * attempt, _LONGEST_PAUSE)))  # noqa: S311
        raise Busy("Other users keep changing this at the same time. Try again.")

    return wrapped


class _RolledBack(Exception):
    """Ends a rehearsal with its result."""

    def __init__(self, result: object) -> None:
        super().__init__()
        self.result = result


def rehearse(run: Callable[[], R]) -> R:
    """Run a write, roll it back, and return its result. Raises what it raises.

    The rights of its actors are checked again, as before a commit: what follows may not be undone.
    """

    @write
    def rolled_back() -> None:
        result = run()
        for actor in _pending():
            require_unchanged_rights(actor)
        raise _RolledBack(result)

    try:
        rolled_back()
    except _RolledBack as done:
        return cast(R, done.result)
    raise AssertionError("rolled_back raises")


def is_writing() -> bool:
    """True inside a `write` function, where nothing slow may be waited for."""
    return _writing.get() is not None


def _pending() -> set[Actor]:
    actors = _writing.get()
    assert actors is not None  # noqa: S101  # set by the caller
    return actors


def check_at_end(actor: Actor) -> None:
    """Check this actor's rights again before the current write commits, if there is one."""
    actors = _writing.get()
    if actors is not None:
        actors.add(actor)


@contextmanager
def snapshot() -> Iterator[None]:
    """Read one consistent state of the database, without a write lock on SQLite."""
    database = connections[replica.alias()]
    if database.in_atomic_block:
        yield
        return
    # Not atomic(): on SQLite it begins IMMEDIATE and would wait for writers, and on PostgreSQL it needs a
    # second statement to set the isolation level.
    with database.cursor() as cursor:
        cursor.execute(_SNAPSHOT[database.vendor])
        try:
            yield
        finally:
            cursor.execute("COMMIT")
