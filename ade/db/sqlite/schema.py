"""Changes of SQLite's tables that hold the write lock for milliseconds, whatever the size of the database."""

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.sqlite3 import schema


class DatabaseSchemaEditor(schema.DatabaseSchemaEditor):
    """Checks foreign keys where it wrote a table again, and not in every table after each migration.

    That takes two seconds for a million agents, while nobody can write.
    """

    def __enter__(self) -> Any:
        self._written_again: set[str] = set()
        return super().__enter__()

    def _remake_table(self, model: Any, *args: Any, **kwargs: Any) -> None:
        self._written_again.add(model._meta.db_table)
        super()._remake_table(model, *args, **kwargs)  # type: ignore[misc]  # not in the stubs

    def __exit__(self, *error: Any) -> None:
        known = self.connection.introspection.table_names()
        for table in self._written_again.intersection(known):
            self.connection.check_constraints([table])
        BaseDatabaseSchemaEditor.__exit__(self, *error)
        self.connection.enable_constraint_checking()
