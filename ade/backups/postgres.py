"""PostgreSQL: pg_dump's custom format, restored in one transaction by pg_restore and psql.

These programs come with PostgreSQL. They must not be older than the server.
"""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import psycopg
from django.db import connection, transaction
from psycopg.conninfo import make_conninfo

from ade.backups import LEFT_OUT, BackupError
from ade.backups.archive import CHUNK, Facts, Manifest, Sink
from ade.backups.counting import ask, count_rows, kept_tables, migrations

PAYLOAD = "database.dump"
# Folders outside the PATH, on Debian and on Red Hat.
PROGRAM_FOLDERS = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin")


def dump(sink: Sink) -> Facts:
    """Write a consistent copy of the database. Reads and writes continue; only migrations wait.

    Raises BackupError (no pg_dump, or it failed).
    """
    program = find_program("pg_dump", least=_server_major())
    with transaction.atomic():
        ask("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        snapshot = ask("SELECT pg_export_snapshot()")[0][0]
        found = facts()
        left_out = [f"--exclude-table-data={found.schema}.{table}" for table in LEFT_OUT]
        command = [program, "--format=custom", "--no-owner", "--no-privileges", "--no-comments"]
        command += [f"--snapshot={snapshot}", "--lock-wait-timeout=60s", *left_out, *_where()]
        with _run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
            while data := process.output.read(CHUNK):
                sink.write(data)
    return found


def load(manifest: Manifest, payload: IO[bytes]) -> None:
    """Replace every table by a checked backup: all of it, or nothing.

    Raises BackupError (a program is missing, or the server refused something).
    """
    least = max(_server_major(), int(re.findall(r"\d+", manifest.server)[0]))
    schema = ask("SELECT current_schema()")[0][0]
    if schema != manifest.schema:
        raise BackupError(f"The backup is of schema {manifest.schema}, not of {schema}.")
    tables = table_names()
    where = _where()
    connection.close()  # an open connection could lock the tables to drop
    into = [find_program("psql", least=least), "--no-psqlrc", "--quiet", "--output=/dev/null"]
    into += ["--set=ON_ERROR_STOP=1", *where]
    out_of = [find_program("pg_restore", least=least), "--file=-", "--no-owner", "--no-privileges"]
    with (
        _run(out_of, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as pg_restore,
        _run(into, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as psql,
    ):
        psql.input.write(_beginning(schema, tables))
        feeding = threading.Thread(target=_feed, args=(payload, pg_restore.input), daemon=True)
        feeding.start()
        shutil.copyfileobj(pg_restore.output, psql.input, CHUNK)
        feeding.join()
        pg_restore.finish()
        # The commit comes last, so that any error before it undoes everything.
        psql.input.write(_end(manifest))
    ask("ANALYZE")


def facts() -> Facts:
    """Return the facts of the database. They are consistent if the caller has a snapshot."""
    tables = table_names()
    if "django_migrations" not in tables:
        raise BackupError(
            "This is not a database of ADE, or it is empty. There is nothing to back up."
        )
    server = f"PostgreSQL {ask('SHOW server_version')[0][0].split()[0]}"
    rows = count_rows(kept_tables(tables), ask)
    return Facts(server, ask("SELECT current_schema()")[0][0], migrations(ask), rows)


def table_names() -> list[str]:
    """Return the tables of ADE's schema."""
    rows = ask("SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1")
    return [name for (name,) in rows]


def find_program(name: str, *, least: int) -> str:
    """Return the path of a PostgreSQL program of this major version or newer."""
    folders = [place for pattern in PROGRAM_FOLDERS for place in sorted(Path("/").glob(pattern))]
    found = [shutil.which(name), *(shutil.which(name, path=str(place)) for place in folders)]
    versions = {path: _major(path) for path in found if path}
    for path, version in versions.items():
        if version >= least:
            return path
    there = f" (here is {max(versions.values())})" if versions else ""
    raise BackupError(
        f"{name} of PostgreSQL {least} or newer is needed{there}: "
        f"install it (apt-get install postgresql-client-{least}), or put it on the PATH."
    )


def _major(path: str) -> int:
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    numbers = re.findall(r"\d+", said)
    return int(numbers[0]) if numbers else 0


def _server_major() -> int:
    connection.ensure_connection()
    return int(connection.connection.info.server_version) // 10_000


# Parameters that libpq does not know, and the password, which a list of processes would show.
_NOT_FOR_PROGRAMS = {
    "client_encoding", "context", "cursor_factory", "password", "prepare_threshold",
}  # fmt: skip


def _where() -> list[str]:
    """Return arguments to reach the server of our connection, without the password."""
    connection.ensure_connection()
    given = connection.get_connection_params()
    parameters = {name: given[name] for name in given.keys() - _NOT_FOR_PROGRAMS}
    # Of several hosts, the one that answered.
    info = connection.connection.info
    parameters |= {"host": info.host, "port": info.port, "dbname": info.dbname, "user": info.user}
    return ["--no-password", f"--dbname={make_conninfo(**parameters)}"]


def _environment() -> dict[str, str]:
    """Return the environment with the password, which the list of processes must not show."""
    parameters = connection.get_connection_params()
    password = parameters.get("password")
    extra = {"PGPASSWORD": str(password)} if password else {}
    return os.environ | extra | {"PGAPPNAME": "ade-backup"}


class _Running:
    """A running program, its pipes and its errors."""

    def __init__(self, process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
        self._process = process
        self._errors = errors

    @property
    def input(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def output(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    def finish(self) -> None:
        """Wait for the end of the program. Raises BackupError with its errors if it failed."""
        if self._process.wait() == 0:
            return
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").strip() or "it said nothing"
        name = Path(str(self._process.args[0])).name  # type: ignore[index]  # a list, as given
        raise BackupError(f"{name} failed: {said[-2000:]}")


@contextlib.contextmanager
def _run(command: list[str], *, stdin: int, stdout: int) -> Iterator[_Running]:
    """Run a program to its end. It is killed if the body raises anything but a broken pipe."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command, stdin=stdin, stdout=stdout, stderr=errors, env=_environment()
        )
        running = _Running(process, errors)
        try:
            with contextlib.suppress(
                BrokenPipeError
            ):  # the program ended early; `finish` reports why
                yield running
            if process.stdin is not None:
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.close()
            running.finish()
        finally:
            process.kill()  # no effect if it has ended
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(BrokenPipeError):
                        pipe.close()


def _feed(payload: IO[bytes], pipe: IO[bytes]) -> None:
    with contextlib.suppress(BrokenPipeError):  # the program ended; `finish` reports why
        shutil.copyfileobj(payload, pipe, CHUNK)
    with contextlib.suppress(BrokenPipeError):
        pipe.close()


def _beginning(schema: str, tables: list[str]) -> bytes:
    names = [_quoted(schema, name) for name in tables]
    drop = f"DROP TABLE IF EXISTS {', '.join(names)} CASCADE;\n" if names else ""
    return f"BEGIN;\nSET LOCAL lock_timeout = '30s';\nSET client_min_messages = warning;\n{drop}".encode()


def _end(manifest: Manifest) -> bytes:
    """Commit only if every table has the number of rows of the backup."""
    checks = [
        f"IF (SELECT count(*) FROM {_quoted(manifest.schema, name)}) <> {int(count)} THEN"
        f" RAISE EXCEPTION 'the rows of {name.replace(chr(39), '')} are not those of the backup'; END IF;"
        for name, count in manifest.rows.items()
    ]
    return f"DO $check$ BEGIN\n{chr(10).join(checks)}\nEND $check$;\nCOMMIT;\n".encode()


def _quoted(schema: str, table: str) -> str:
    return psycopg.sql.Identifier(schema, table).as_string(None)
