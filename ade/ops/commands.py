"""Run manage.py. A database that is unreachable or not migrated gives one sentence, no traceback."""

import logging
import sys

from django.core.management import execute_from_command_line
from django.db import DatabaseError, InterfaceError
from django.db.migrations.exceptions import MigrationSchemaMissing

from ade.db import schema
from ade.ops import outage

_MIGRATE = "Run manage.py migrate."


def run(arguments: list[str]) -> None:
    """Run a command. A database error ends it with status 1; --traceback shows where."""
    try:
        execute_from_command_line(arguments)
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:  # a file or folder that is missing, full or not ours
        if error.filename is None or "--traceback" in arguments:
            raise
        sys.exit(f"{error.filename}: {error.strerror}")
    except (DatabaseError, InterfaceError) as error:
        message = sentence(error)
        if message is None or "--traceback" in arguments:
            raise
        if arguments[1:2] == ["db_worker"]:  # a service: its log has one format
            logging.getLogger("ade.worker").error(message)
            sys.exit(1)
        sys.exit(message)


def sentence(error: Exception) -> str | None:
    """Return what is wrong with the database and what to do; None if the code is wrong."""
    found = outage.trouble(error)
    if isinstance(
        error, MigrationSchemaMissing
    ):  # from PostgreSQL 15 on, the usual missing permission
        return " ".join(str(error).split())
    if found is None:
        return None
    if found is outage.Trouble.OUTDATED:
        lacking = schema.lacking()
        return f"{found.sentence} {lacking} {_MIGRATE}" if lacking else None
    return f"{found.sentence} {' '.join(str(error).split())}"
