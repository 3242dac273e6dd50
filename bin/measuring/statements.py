"""The SQL of a request: recorded and explained."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from measuring.floor import Statement

_READS = ("SELECT", "WITH")


@contextmanager
def recorded() -> Iterator[list[Statement]]:
    """The statements that go through Django's cursors inside."""
    statements: list[Statement] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append(Statement(sql, params, many, connection.in_atomic_block))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield statements


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
