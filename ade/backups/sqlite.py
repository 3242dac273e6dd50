"""SQLite: its online backup, compressed; back again in one transaction."""

import gzip
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any, cast

from ade.backups import LEFT_OUT, BackupError
from ade.backups.archive import CHUNK, Facts, Manifest, Sink
from ade.backups.counting import Ask, count_rows, kept_tables, migrations

PAYLOAD = "database.sqlite3.gz"
_WAIT = 20  # seconds for others to let go
_PAGES = 2000  # copied between two looks at the clock


def dump(sink: Sink, database: Path, folder: Path) -> Facts:
    """Write the database as of now. Others go on reading and writing.

    It is copied into `folder` first, which needs room for all of it. Raises BackupError, OSError.
    """
    if not database.exists():
        raise BackupError(f"There is no database at {database}.")
    with _scratch(folder) as copy:
        with closing(_connect(copy)) as target:
            # It goes once it is compressed: nothing of it has to reach the disk, where others'
            # writes would wait behind it.
            target.execute("PRAGMA synchronous = OFF")
            with closing(_connect(database)) as source:
                # A transaction of its own holds one state. Without it every write of others would
                # make the copy begin anew. Until it ends SQLite's log only grows.
                source.execute("BEGIN")
                source.execute("SELECT 1 FROM sqlite_master").fetchone()
                source.backup(target, pages=_PAGES, progress=_patience())
            facts = _prepare(target)
        with (
            copy.open("rb") as file,
            gzip.GzipFile("", "wb", 1, cast(IO[bytes], sink), 0) as zipped,
        ):
            shutil.copyfileobj(file, zipped, CHUNK)
    return facts


def load(manifest: Manifest, payload: IO[bytes], database: Path) -> None:
    """Put a checked backup in the place of all that the database holds: all of it, or nothing."""
    database.parent.mkdir(parents=True, exist_ok=True)
    with _scratch(database.parent) as copy, _new_or_as_it_was(database):
        with gzip.open(payload) as zipped, copy.open("wb") as file:
            shutil.copyfileobj(zipped, file, CHUNK)
        with closing(_connect(copy)) as source, closing(_connect(database)) as target:
            if facts(source).rows != manifest.rows:
                raise BackupError("The backup does not hold the rows that it was made with.")
            source.backup(target, progress=_patience())
            target.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def facts(database: sqlite3.Connection) -> Facts:
    """What is in a database."""
    ask = _asks(database)
    tables = [name for (name,) in ask("SELECT name FROM sqlite_master WHERE type = 'table'")]
    if "django_migrations" not in tables:
        raise BackupError("This is no database of ADE, or an empty one: there is nothing to keep.")
    rows = count_rows(kept_tables(tables), ask)
    return Facts(f"SQLite {sqlite3.sqlite_version}", "", migrations(ask), rows)


def _prepare(copy: sqlite3.Connection) -> Facts:
    """Take out what stays behind, overwriting it, and see that the rest is sound."""
    found = facts(copy)
    copy.execute("PRAGMA secure_delete = ON")
    there = {name for (name,) in copy.execute("SELECT name FROM sqlite_master")}
    for table in there.intersection(LEFT_OUT):
        copy.execute(f'DELETE FROM "{table}"')
    state = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
    if state != "ok":
        raise BackupError(f"The database is damaged, and so would be its backup: {state}")
    return found


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=1, isolation_level=None)


def _asks(database: sqlite3.Connection) -> Ask:
    def ask(statement: str) -> list[Any]:
        return database.execute(statement).fetchall()

    return ask


def _patience() -> Callable[[int, int, int], None]:
    """Python tries for ever where others hold the database; this ends it."""
    since: float | None = None

    def progress(status: int, _remaining: int, _total: int) -> None:
        nonlocal since
        if status not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            since = None
            return
        since = since or time.monotonic()
        if time.monotonic() - since > _WAIT:
            raise BackupError("Others hold the database: stop ADE's services first.")

    return progress


@contextmanager
def _new_or_as_it_was(database: Path) -> Iterator[None]:
    """Where there was no database and none came to be, leave no empty file either."""
    there = database.exists()
    try:
        yield
    except BaseException:
        if not there:
            database.unlink(missing_ok=True)
        raise


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """A file for a copy of the database, which goes with all that SQLite puts beside it."""
    with tempfile.TemporaryDirectory(prefix=".ade-copy-", dir=folder) as place:
        yield Path(place) / "copy.sqlite3"
