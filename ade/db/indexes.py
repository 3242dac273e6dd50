"""Migration operations that add and remove indexes of large tables beside a running version."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.migrations.operations import AddIndex, RemoveIndex

_LONGEST_PAUSE = 1.0  # seconds


class AddIndexBeside(AddIndex):
    """Add an index. On PostgreSQL writers continue meanwhile; an index that exists is not made again.

    The migration needs `atomic = False`. On SQLite writers wait for each index.
    """

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        state = _state_of(schema_editor, str(self.index.name))
        if schema_editor.connection.vendor != "postgresql":
            if state is None:
                begun = time.monotonic()
                schema_editor.add_index(model, self.index)
                # Those who waited for the write lock get their turn before the next index.
                time.sleep(min(time.monotonic() - begun, _LONGEST_PAUSE))
            return
        if state is False:  # an interrupted migration left it unfinished
            _drop(schema_editor, str(self.index.name))
        if not state:
            with _patient(schema_editor):
                schema_editor.add_index(model, self.index, concurrently=True)

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        _drop(schema_editor, str(self.index.name))


class DropIndexIfThere(RemoveIndex):
    """Remove an index that only databases of unreleased versions have. It is in no model state."""

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Leave the state as it is."""

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        _drop(schema_editor, self.name)

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Leave it away."""


def _drop(schema_editor: Any, name: str) -> None:
    there = f"IF EXISTS {schema_editor.quote_name(name)}"
    if schema_editor.connection.vendor != "postgresql":
        schema_editor.execute(f"DROP INDEX {there}")
        return
    with _patient(schema_editor):
        schema_editor.execute(f"DROP INDEX CONCURRENTLY {there}")


@contextmanager
def _patient(editor: Any) -> Iterator[None]:
    """Statements wait for older transactions without a limit: nobody waits for these statements."""
    with editor.connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        before = cursor.fetchone()[0]
    editor.execute("SET lock_timeout = 0")
    yield
    editor.execute(f"SET lock_timeout = '{before}'")


def _state_of(schema_editor: Any, name: str) -> bool | None:
    """Return True if the index is usable, False if it is unfinished, None if it does not exist."""
    with schema_editor.connection.cursor() as cursor:
        if schema_editor.connection.vendor == "postgresql":
            cursor.execute(
                "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)",
                [schema_editor.quote_name(name)],
            )
        else:
            cursor.execute("SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = %s", [name])
        row = cursor.fetchone()
    return None if row is None else bool(row[0])
