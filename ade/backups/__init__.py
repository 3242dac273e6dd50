"""Backups: one file that says what it is, is whole or not there, and is checked before it is used.

    archive     the file: a tar with a manifest first and the database's own copy second
    sqlite      SQLite's online backup, compressed
    postgres    pg_dump's custom format

Each database is copied by its own tool and not by one of ours: both know every type, index and
extension, and what they wrote can be read without ADE. A backup goes back into the kind of database
that it came from.
"""

# Tables that stay behind. Sessions and the counts of sign-in attempts end with a restore; tasks that
# waited or ran would begin to change agents as soon as a worker starts, without anyone's word.
LEFT_OUT = ("django_session", "ade_cache", "django_tasks_database_dbtaskresult")

# What `migrate` fills by itself: a database with nothing else in it is empty.
FILLED_BY_MIGRATE = ("django_migrations", "django_content_type", "auth_permission")


class BackupError(Exception):
    """No backup can be made, or this one cannot be used; the message is fit to show."""
