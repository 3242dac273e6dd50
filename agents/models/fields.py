"""Column types whose answers are the same on both databases."""

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


class ExactTextField(models.TextField):  # type: ignore[type-arg]  # the plugin knows by null=
    """Text that is equal and ordered by its bytes, on SQLite as on PostgreSQL.

    SQLite compares so by itself. PostgreSQL would use the database's locale, so the column says
    `COLLATE "C"`; Django's own `db_collation` would say it to SQLite too, which has no such one.
    """

    def db_parameters(self, connection: BaseDatabaseWrapper) -> dict[str, Any]:
        parameters: dict[str, Any] = super().db_parameters(connection)
        if connection.vendor == "postgresql":
            parameters["collation"] = "C"
        return parameters


class JsonTextField(models.TextField):  # type: ignore[type-arg]  # the plugin knows by null=
    """A JSON value kept as the text it was written as, so that it is given back byte for byte.

    Answers pass it on without parsing. (PostgreSQL's jsonb reorders keys and refuses NUL escapes.)
    """
