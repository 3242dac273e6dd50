"""Statements of fixed text, for the requests that are made most.

The ORM takes longer to build such a statement than the database to run it. PostgreSQL plans each of
them once per connection (`lookup_cursor`), so each must find its rows by their keys, whatever the
values. Lists of values are one parameter, because the text must not depend on their number.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import msgspec
from django.conf import settings
from django.db import connection, connections, models
from django.db.backends.utils import CursorWrapper

from ade.db import replica

M = TypeVar("M", bound=models.Model)

IS_SQLITE = connection.vendor == "sqlite"
# Condition that a column is one of the values of a parameter made by `listed`.
IN_IDS = "IN (SELECT value FROM json_each(%s))" if IS_SQLITE else "= ANY(%s::bigint[])"
IN_NAMES = IN_IDS.replace("bigint", "text")


def listed(values: Collection[int] | Collection[str]) -> Any:
    """Return a list of values as one parameter."""
    if IS_SQLITE:
        return msgspec.json.encode([*values]).decode()
    # The driver takes long to find out the type of a list of numbers.
    is_numbers = values and isinstance(next(iter(values)), int)
    return f"{{{','.join(map(str, values))}}}" if is_numbers else [*values]


def moment(at: datetime) -> Any:
    """Return a time as a parameter."""
    return connection.ops.adapt_datetimefield_value(at)


def read_moment(text: str) -> datetime:
    """Return a time that SQLite returned. All stored times are UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def fetch(sql: str, params: Sequence[Any], *, using: str | None = None) -> list[tuple[Any, ...]]:
    """Run a fixed statement and return its rows. SQLite returns times as text and booleans as numbers.

    It is asked of the database of `using`, by default of a replica where other reads are.
    """
    database: Any = connections[using or replica.alias()]
    rows: list[tuple[Any, ...]] = database.look_up(sql, params)
    return rows


def execute(sql: str, params: Sequence[Any]) -> None:
    """Run a fixed statement that returns no rows."""
    with _cursor() as cursor:
        cursor.execute(sql, params)


def execute_many(sql: str, rows: Sequence[Sequence[Any]]) -> None:
    """Run a fixed statement once for each row of parameters."""
    if len(rows) == 1:
        execute(sql, rows[0])
    elif rows:
        with _cursor() as cursor:
            cursor.executemany(sql, rows)


def _cursor() -> CursorWrapper:
    database = connections[replica.alias()]
    cursor: CursorWrapper = database.cursor() if IS_SQLITE else database.lookup_cursor()  # type: ignore[attr-defined]  # of ade/db/postgres
    return cursor


class Loader(Generic[M]):
    """Makes objects of a model from the rows of fixed statements, which select `columns`."""

    def __init__(self, model: type[M]) -> None:
        self._model = model
        self._fields = model._meta.concrete_fields
        self.names = [field.attname for field in self._fields]  # of the columns
        self._converters = self._made_converters()
        may_lag = model._meta.app_label in settings.REPLICA_APPS
        self._using = None if may_lag else replica.PRIMARY

    def columns(self, alias: str) -> str:
        """Return the columns of the model, of a table with this alias."""
        return ", ".join(f'{alias}."{name}"' for name in self.names)

    def load(self, row: Sequence[Any]) -> M:
        """Return the object of one row."""
        values = list(row)
        for place, convert in self._converters:
            values[place] = convert(values[place])
        loaded: M = self._model.from_db(self._using or replica.alias(), self.names, values)
        return loaded

    def fetch(self, sql: str, params: Sequence[Any]) -> list[M]:
        """Run a fixed statement and return its rows as objects."""
        return [self.load(row) for row in fetch(sql, params, using=self._using)]

    def first(self, sql: str, params: Sequence[Any]) -> M | None:
        """Run a fixed statement and return its first row as an object, or None."""
        return next(iter(self.fetch(sql, params)), None)

    def _made_converters(self) -> list[tuple[int, Callable[[Any], Any]]]:
        """Return what the ORM does to values of this database, by the place of the column."""
        return [
            (place, _chain(column, converters))
            for place, field in enumerate(self._fields)
            for column in [field.cached_col]
            if (
                converters := [
                    *connection.ops.get_db_converters(column),
                    *column.get_db_converters(connection),
                ]
            )
        ]


def _chain(column: Any, converters: Iterable[Callable[..., Any]]) -> Callable[[Any], Any]:
    known = tuple(converters)

    def convert(value: Any) -> Any:
        for each in known:
            value = each(value, column, connection)
        return value

    return convert
