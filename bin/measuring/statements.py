"""The SQL of a request: counted, replayed without anything around it, and explained."""

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

from django.db import connection, transaction

_READS = ("SELECT", "WITH")


class Statement(NamedTuple):
    """One statement as Django sent it."""

    sql: str
    params: Any
    in_transaction: bool


@contextmanager
def recorded() -> Iterator[list[Statement]]:
    """The statements that go through Django's cursors inside."""
    statements: list[Statement] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append(Statement(sql, params, connection.in_atomic_block))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield statements


def replay(statements: list[Statement]) -> None:
    """Run reading statements again, in transactions where they were, and fetch all their rows."""
    for inside, group in itertools.groupby(statements, lambda one: one.in_transaction):
        with transaction.atomic() if inside else nullcontext():
            for statement in group:
                with connection.cursor() as cursor:
                    cursor.execute(statement.sql, statement.params)
                    if cursor.description:
                        cursor.fetchall()


def pages_read(statements: list[Statement]) -> int | None:
    """Database pages that the reading statements touch, cached or not; None on SQLite."""
    if connection.vendor != "postgresql":
        return None
    total = 0
    for statement in statements:
        if statement.sql.lstrip("( \n").upper().startswith(_READS):
            with connection.cursor() as cursor:
                cursor.execute(
                    f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement.sql}", statement.params
                )
                (answer,) = cursor.fetchone()
            plan = (json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"]
            total += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    return total
