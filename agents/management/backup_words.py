"""Messages and errors that the commands backup and restore share."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError
from django.db import DatabaseError

from ade.backups import BackupError
from ade.backups.archive import Manifest

_FULL = "The disk is full. Nothing was changed, and the unfinished file was removed."


def in_words(manifest: Manifest) -> str:
    """Describe a backup in one sentence, without the full stop."""
    rows = manifest.rows
    return (
        f"Backup of {rows.get('agents_agent', 0):,} agents, {rows.get('agents_tag', 0):,} tags and "
        f"{rows.get('agents_changeset', 0):,} change-sets, {manifest.size / 1e6:,.1f} MB, "
        f"of {manifest.server} by ADE {manifest.ade} at {manifest.made_at}"
    )


@contextmanager
def failures() -> Iterator[None]:
    """Turn errors of files and databases into a CommandError with one clear sentence."""
    try:
        yield
    except BackupError as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise CommandError(_FULL) from error
        where = f"{error.filename}: " if error.filename else ""
        raise CommandError(f"{where}{error.strerror or error}") from error
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL:
            raise CommandError(_FULL) from error
        raise CommandError(f"SQLite: {error}") from error
    except DatabaseError as error:
        raise CommandError(f"The database answered: {error}".strip()) from error
