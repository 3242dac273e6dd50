"""A backup of the whole database, taken while ADE runs."""

import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, connection

from ade.backups import archive, last, postgres, sqlite
from ade.backups.archive import Facts, Manifest, Sink
from agents.management.backup_words import failures, in_words


class Command(BaseCommand):
    help = (
        "Write a backup of the whole database to a new file, while ADE runs. It does not contain "
        "sessions, pending tasks or SECRET_KEY. Store SECRET_KEY elsewhere."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="a new file; - for the standard output")

    def handle(self, *, file: str, **_options: Any) -> None:
        with _leaving_nothing(), failures():
            if file == "-":
                manifest = _to_output()
            else:
                target = Path(file).resolve()
                with archive.appearing(target) as open_file:
                    manifest = _pack(open_file, target.parent)
        self.stderr.write(f"{in_words(manifest)}: {file}")
        try:
            last.note(datetime.fromisoformat(manifest.made_at))
        except DatabaseError as error:  # a read-only database
            self.stderr.write(f"The time of the backup was not stored for /metrics: {error}")


@contextmanager
def _leaving_nothing() -> Iterator[None]:
    """Remove the unfinished file when the process is told to stop."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _to_output() -> Manifest:
    """Write the backup to the standard output through an unnamed file.

    The manifest stands first in the backup, but is known only at its end.
    """
    folder = Path(tempfile.gettempdir())
    with tempfile.TemporaryFile(dir=folder) as file:
        manifest = _pack(file, folder)
        file.seek(0)
        shutil.copyfileobj(file, sys.stdout.buffer, archive.CHUNK)
        sys.stdout.buffer.flush()
    return manifest


def _pack(file: IO[bytes], folder: Path) -> Manifest:
    if connection.vendor == "postgresql":
        return archive.pack(
            file, database="postgresql", payload=postgres.PAYLOAD, fill=postgres.dump
        )
    database = Path(connection.settings_dict["NAME"])

    def fill(sink: Sink) -> Facts:
        return sqlite.dump(sink, database, folder)

    return archive.pack(file, database="sqlite", payload=sqlite.PAYLOAD, fill=fill)
