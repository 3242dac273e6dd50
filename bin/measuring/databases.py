"""The databases that are measured: reference data, made once and kept in data/bench."""

import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from postgres import cluster
from processes import ROOT

FOLDER = ROOT / "data" / "bench"
NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


@dataclass(frozen=True, slots=True)
class Database:
    """A database by the name under which results tell of it."""

    name: str
    url: str

    @property
    def kind(self) -> str:
        """A key of NAMES. Raises ValueError for a URL of neither."""
        scheme = self.url.split(":", 1)[0]
        kind = "postgresql" if scheme.startswith("postgres") else scheme
        if kind not in NAMES:
            raise ValueError(f"{self.url}: the URL of a database begins with sqlite or postgresql.")
        return kind


def given(text: str) -> Database:
    """The database of an option NAME=URL. Raises ValueError."""
    name, equals, url = text.partition("=")
    if not (name and equals and "://" in url):
        raise ValueError(f"{text!r} is not like NAME=URL.")
    database = Database(name, url)
    database.kind  # noqa: B018  # raises for a URL of another kind
    return database


@contextlib.contextmanager
def made(kinds: list[str], sizes: list[int]) -> Iterator[list[Database]]:
    """The databases of these kinds and sizes, filled where they are not yet."""
    with contextlib.ExitStack() as stack:
        found = []
        if sizes:
            FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
        if sizes and "sqlite" in kinds:
            found += [_sqlite(size) for size in sizes]
        if sizes and "postgresql" in kinds:
            server = stack.enter_context(cluster(_postgres_folder()))
            found += [_postgres(server, size) for size in sizes]
        yield found


@contextlib.contextmanager
def made_beside(size: int, system: str) -> Iterator[Database]:
    """The load test's agents on PostgreSQL, each with this system prompt, filled if they are not yet."""
    FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = FOLDER / "system.txt"
    path.write_text(system)
    with cluster(_postgres_folder()) as server:
        yield _postgres(server, size, "beside", "--shape=loadtest", f"--system={path}")


def settings_for(url: str) -> dict[str, str]:
    """The environment of what runs on a database: in all else as by default."""
    return os.environ | {
        "DATABASE_URL": url,
        "SECRET_KEY": os.environ["SECRET_KEY"],
        "STATIC_ROOT": str(FOLDER / "static"),
        "DEBUG": "false",
        "API_OPEN": "false",
        "HTTPS": "false",
        "LOG_LEVEL": "WARNING",
        # Counted as ever, but never enough: one caller asks for all.
        "RATE_PER_CALLER": "1000000000",
        "RATE_PER_ADDRESS": "1000000000",
        "PYTHONPATH": str(ROOT / "bin"),
    }


def manage(url: str, *arguments: str) -> None:
    """Run manage.py on a database. Raises CalledProcessError."""
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    subprocess.run(command, env=settings_for(url), cwd=ROOT, check=True)


def _fill(name: str, url: str, size: int, *options: str) -> None:
    print(f"Making the data of {name}, once ...", flush=True)
    manage(url, "migrate", "--verbosity=0")
    manage(url, "bench_data", f"--agents={size}", *options)


def _sqlite(size: int) -> Database:
    """A file, which has its name only once it is whole."""
    path = FOLDER / f"{size}.sqlite3"
    database = Database(_name("sqlite", size), f"sqlite:///{path}")
    if not path.exists():
        part = path.with_suffix(".part")
        for rest in FOLDER.glob(f"{part.name}*"):
            rest.unlink()
        _fill(database.name, f"sqlite:///{part}", size)
        with contextlib.closing(sqlite3.connect(part)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        part.rename(path)
    return database


def _postgres_folder() -> Path:
    """Where the cluster lies: as root, where the other user that it runs as can enter."""
    return FOLDER / "postgres" if os.geteuid() else Path("/var/tmp/ade-bench-postgres")  # noqa: S108


def _postgres(server: str, size: int, kind: str = "bench", *options: str) -> Database:
    """A database of the cluster, which has its name only once it is whole."""
    prefix = server.rsplit("/", 1)[0]
    database = Database(_name("postgresql", size), f"{prefix}/{kind}_{size}")
    if not _sql(server, f"SELECT 1 FROM pg_database WHERE datname = '{kind}_{size}'"):  # noqa: S608
        _sql(server, "DROP DATABASE IF EXISTS bench_part")
        _sql(server, "CREATE DATABASE bench_part")
        _fill(database.name, f"{prefix}/bench_part", size, *options)
        _sql(server, f"ALTER DATABASE bench_part RENAME TO {kind}_{size}")
    return database


def _sql(server: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(server, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def _name(kind: str, size: int) -> str:
    return f"{NAMES[kind]} {size:,}"
