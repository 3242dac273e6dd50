"""Insert many plain rows without building a model object for each."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, models

from ade.db.statements import execute_many


def insert(
    model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Insert rows into a model's table; a row has one value per column, ready for the database.

    For link rows and history, whose ids nobody needs. `bulk_create` spends most of its time on objects
    and on preparing each value: for 5,000 rows 0.5 s against 0.05 s, while the write lock is held.
    """
    quote = connection.ops.quote_name
    names = ", ".join(quote(column) for column in columns)
    marks = ", ".join(["%s"] * len(columns))
    table = quote(model._meta.db_table)
    moments: dict[datetime, Any] = {}  # most rows share one
    ready = [tuple(_adapted(value, moments) for value in row) for row in rows]
    execute_many(f"INSERT INTO {table} ({names}) VALUES ({marks})", ready)  # noqa: S608  # quoted names


def _adapted(value: Any, moments: dict[datetime, Any]) -> Any:
    if not isinstance(value, datetime):
        return value
    if value not in moments:
        moments[value] = connection.ops.adapt_datetimefield_value(value)
    return moments[value]
