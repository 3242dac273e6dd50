"""SQLite's write-ahead log: readers and the writer do not wait for each other.

It is a property of the file and set once, here. Set at each connect, it raised "database is
locked" when several processes started together.
"""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def forwards(_apps: object, editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "sqlite":
        with editor.connection.cursor() as cursor:
            cursor.execute("PRAGMA journal_mode = WAL")


class Migration(migrations.Migration):
    atomic = False  # the mode cannot change inside a transaction
    dependencies = [("ade", "0001_initial")]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
