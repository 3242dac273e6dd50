"""A backup of the whole database, taken while ADE runs."""

import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection

from ade.backups import archive, postgres, sqlite
from ade.backups.archive import Facts, Manifest, Sink
from agents.management.backup_words import failures, in_words


class Command(BaseCommand):
    help = (
        "Write a backup of the whole database to a new file, while ADE runs. Sessions and waiting "
        "tasks stay behind. SECRET_KEY is not in it: keep that elsewhere."
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


@contextmanager
def _leaving_nothing() -> Iterator[None]:
    """A service that is told to stop takes its unfinished file along."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _to_output() -> Manifest:
    """The manifest comes first and is known last, so it passes through a file that has no name."""
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
