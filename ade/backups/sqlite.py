"""SQLite: its online backup, compressed, and restored in one transaction."""

import gzip
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any, cast

from ade.backups import LEFT_OUT, BackupError, leftovers
from ade.backups.archive import CHUNK, Facts, Manifest, Sink
from ade.backups.counting import Ask, count_rows, kept_tables, migrations

PAYLOAD = "database.sqlite3.gz"
_WAIT = 20  # seconds for others to release the database
_PAGES = 2000  # copied between two looks at the clock


def dump(sink: Sink, database: Path, folder: Path) -> Facts:
    """Write a consistent copy of the database. Reads and writes continue.

    It is copied into `folder` first, which needs room for the whole database. Raises BackupError, OSError.
    """
    if not database.exists():
        raise BackupError(f"There is no database at {database}.")
    with _scratch(folder) as copy:
        with closing(_connect(copy)) as target:
            # The copy is temporary, so it need not reach the disk, where other writes would wait
            # for it.
            target.execute("PRAGMA synchronous = OFF")
            with closing(_connect(database)) as source:
                # The transaction keeps one state. Without it, every write would restart the copy.
                # Until it ends, SQLite's log only grows.
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
    """Replace the contents of the database by a checked backup: all of it, or nothing."""
    database.parent.mkdir(parents=True, exist_ok=True)
    with _scratch(database.parent) as copy, _new_or_as_it_was(database):
        with gzip.open(payload) as zipped, copy.open("wb") as file:
            shutil.copyfileobj(zipped, file, CHUNK)
        with closing(_connect(copy)) as source, closing(_connect(database)) as target:
            if facts(source).rows != manifest.rows:
                raise BackupError("The backup does not have the number of rows in its manifest.")
            source.backup(target, progress=_patience())
            target.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def facts(database: sqlite3.Connection) -> Facts:
    """Return the facts of a database."""
    ask = _asks(database)
    tables = [name for (name,) in ask("SELECT name FROM sqlite_master WHERE type = 'table'")]
    if "django_migrations" not in tables:
        raise BackupError(
            "This is not a database of ADE, or it is empty. There is nothing to back up."
        )
    rows = count_rows(kept_tables(tables), ask)
    return Facts(f"SQLite {sqlite3.sqlite_version}", "", migrations(ask), rows)


def _prepare(copy: sqlite3.Connection) -> Facts:
    """Delete and overwrite the tables that a backup leaves out, and check the rest."""
    found = facts(copy)
    copy.execute("PRAGMA secure_delete = ON")
    there = {name for (name,) in copy.execute("SELECT name FROM sqlite_master")}
    for table in there.intersection(LEFT_OUT):
        copy.execute(f'DELETE FROM "{table}"')
    state = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
    if state != "ok":
        raise BackupError(f"The database is damaged, so its backup would be damaged too: {state}")
    return found


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=1, isolation_level=None)


def _asks(database: sqlite3.Connection) -> Ask:
    def ask(statement: str) -> list[Any]:
        return database.execute(statement).fetchall()

    return ask


def _patience() -> Callable[[int, int, int], None]:
    """Return a callback that ends the copy when others lock the database: Python would retry for ever."""
    since: float | None = None

    def progress(status: int, _remaining: int, _total: int) -> None:
        nonlocal since
        if status not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            since = None
            return
        since = since or time.monotonic()
        if time.monotonic() - since > _WAIT:
            raise BackupError("Another program locks the database. Stop ADE's services first.")

    return progress


@contextmanager
def _new_or_as_it_was(database: Path) -> Iterator[None]:
    """Remove the new file if there was no database and the body fails."""
    there = database.exists()
    try:
        yield
    except BaseException:
        if not there:
            database.unlink(missing_ok=True)
        raise


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """Yield a path for a temporary copy of the database, removed with the files that SQLite adds."""
    leftovers.remove(folder)
    with (
        tempfile.TemporaryDirectory(prefix=leftovers.PREFIX, dir=folder) as place,
        leftovers.marked(Path(place)),
    ):
        yield Path(place) / "copy.sqlite3"
