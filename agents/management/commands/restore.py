"""A backup, put back: checked first, all of it or nothing, brought to this version, recounted."""

from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from ade.backups import archive, counting, postgres, sqlite
from ade.backups.archive import Manifest
from agents.actors import command_actor
from agents.domain import bulkrun, recount, webhooks
from agents.management.backup_words import failures, in_words

_STOPPED = "It was running when the backup was made from which ADE was restored."


class Command(BaseCommand):
    help = (
        "Put a backup into the empty database that DATABASE_URL names, migrate it to this version "
        "and recount it. Stop ADE's services first."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="what `manage.py backup` wrote")
        parser.add_argument(
            "--check", action="store_true", help="only check the file and say what it is"
        )
        parser.add_argument(
            "--overwrite", action="store_true", help="drop all that the database holds"
        )

    def handle(self, *, file: str, check: bool, overwrite: bool, **options: Any) -> None:
        path = Path(file)
        with failures():
            manifest = archive.check(path, database=connection.vendor)
            self.stdout.write(f"{in_words(manifest)}. It is whole.")
            if check:
                return
            _require_empty(overwrite)
            with archive.unpacking(path) as (_, payload):
                if connection.vendor == "postgresql":
                    postgres.load(manifest, payload)
                else:
                    connection.close()
                    sqlite.load(manifest, payload, Path(connection.settings_dict["NAME"]))
        call_command("migrate", verbosity=0, interactive=False)
        self._finish(manifest)

    def _finish(self, manifest: Manifest) -> None:
        stopped = bulkrun.stop_all(problem=_STOPPED)
        if stopped:
            self.stdout.write(f"Bulk changes that were running are stopped: {stopped}.")
        why = f"ADE was restored from a backup of {manifest.made_at[:10]}."
        if off := webhooks.switch_all_off(why=why, actor=command_actor("restore")):
            self.stdout.write(f"Webhooks are switched off, until someone wants them on: {off}.")
        if manifest.key != archive.key_mark():
            self.stderr.write(
                "It was made under another SECRET_KEY: until ADE runs with that one, no API key "
                "and no second factor works."
            )
        if recount.differences(most=1):
            raise CommandError(
                "The backup is in the database, but its counters differ from a recount: see "
                "manage.py recount, which sets them right with --fix."
            )
        self.stdout.write("Restored. Everything is as counted.")


def _require_empty(overwrite: bool) -> None:
    """Raise CommandError for a database that holds anything, unless it may be dropped."""
    if overwrite:
        return
    if connection.vendor == "sqlite" and not Path(connection.settings_dict["NAME"]).exists():
        return
    tables = connection.introspection.table_names()
    if full := counting.with_data(tables, counting.ask):
        raise CommandError(
            f"The database is not empty ({', '.join(full[:3])}, ...): name another one, or drop "
            "all that it holds with --overwrite."
        )
