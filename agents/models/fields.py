"""Column types that behave the same on SQLite and PostgreSQL."""

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


class ExactTextField(models.TextField):  # type: ignore[type-arg]  # the plugin knows by null=
    """Text that is compared and sorted by its bytes, on SQLite and on PostgreSQL.

    This is SQLite's default. PostgreSQL would use the locale of the database, so the column has
    `COLLATE "C"` there. Django's `db_collation` would also apply to SQLite, which has no such collation.
    """

    def db_parameters(self, connection: BaseDatabaseWrapper) -> dict[str, Any]:
        parameters: dict[str, Any] = super().db_parameters(connection)
        if connection.vendor == "postgresql":
            parameters["collation"] = "C"
        return parameters


class JsonTextField(models.TextField):  # type: ignore[type-arg]  # the plugin knows by null=
    """A JSON value stored as text, so that it is returned byte for byte.

    Answers contain it without parsing. PostgreSQL's jsonb would reorder keys and refuse NUL escapes.
    """
