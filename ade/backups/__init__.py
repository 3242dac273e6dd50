"""Backups: a file with a manifest, which is complete or absent, and is checked before a restore.

    archive     the file: a tar with a manifest first and the database's own copy second
    sqlite      SQLite's online backup, compressed
    postgres    pg_dump's custom format

The database's own tool makes the copy: it knows every type, index and extension, and its copy can be
read without ADE. A backup can be restored only into the kind of database that it came from.
"""

# Tables that a backup leaves out. Sessions and counts of sign-in attempts end with a restore. Restored
# tasks would change agents as soon as a worker starts, although nobody asked for that.
LEFT_OUT = ("django_session", "ade_cache", "django_tasks_database_dbtaskresult")

# Tables that `migrate` fills: a database with rows in no other table counts as empty.
FILLED_BY_MIGRATE = ("django_migrations", "django_content_type", "auth_permission")


class BackupError(Exception):
    """A backup cannot be made or used. The message is for the user."""
