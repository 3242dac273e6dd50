"""Trigram search: pg_trgm indexes on PostgreSQL, FTS5 tables on SQLite."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

_POSTGRESQL = [
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    "CREATE INDEX agent_search ON agents_agent USING gin (name_folded gin_trgm_ops)",
    "CREATE INDEX tag_search ON agents_tag USING gin (name_folded gin_trgm_ops)",
    # Rows are only ever inserted in the order of their key, and counters are updated in place.
    "ALTER TABLE agents_tag SET (fillfactor = 70)",
]
_SQLITE = [
    f"CREATE VIRTUAL TABLE {table} USING fts5 (folded, tokenize = 'trigram case_sensitive 1')"
    for table in ("agents_agent_search", "agents_tag_search")
]


def forwards(_apps: object, editor: BaseDatabaseSchemaEditor) -> None:
    for statement in _POSTGRESQL if editor.connection.vendor == "postgresql" else _SQLITE:
        editor.execute(statement)


def backwards(_apps: object, editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute("DROP INDEX IF EXISTS agent_search")
        editor.execute("DROP INDEX IF EXISTS tag_search")
    else:
        editor.execute("DROP TABLE IF EXISTS agents_agent_search")
        editor.execute("DROP TABLE IF EXISTS agents_tag_search")


class Migration(migrations.Migration):
    dependencies = [("agents", "0001_initial")]

    operations = [migrations.RunPython(forwards, backwards)]
