"""Restore a backup: check it, load all of it or nothing, migrate it to this version and recount."""

from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from ade.backups import archive, counting, postgres, sqlite
from ade.backups.archive import Manifest
from agents.core.actors import command_actor
from agents.domain.bulk import retries
from agents.domain.sources import leaving
from agents.domain.upkeep import recount
from agents.domain.webhooks import write
from agents.management.backup_words import failures, in_words

_STOPPED = "This was running when the backup was made from which ADE was restored."


class Command(BaseCommand):
    help = (
        "Restore a backup into the empty database of DATABASE_URL, migrate it to this version "
        "and recount it. Stop ADE's services first."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="a file from `manage.py backup`")
        parser.add_argument(
            "--check", action="store_true", help="only check the file and describe it"
        )
        parser.add_argument(
            "--overwrite", action="store_true", help="delete everything in the database first"
        )

    def handle(self, *, file: str, check: bool, overwrite: bool, **options: Any) -> None:
        path = Path(file)
        with failures():
            manifest = archive.check(path, database=connection.vendor)
            self.stdout.write(f"{in_words(manifest)}. The file is complete.")
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
        stopped = retries.stop_all(problem=_STOPPED)
        if stopped:
            self.stdout.write(f"Stopped bulk changes that were running: {stopped}.")
        why = f"ADE was restored from a backup of {manifest.made_at[:10]}."
        if off := write.switch_all_off(why=why, actor=command_actor("restore")):
            self.stdout.write(f"Switched off webhooks: {off}. Switch them on when you need them.")
        if paused := leaving.pause_all(reason=why, actor=command_actor("restore")):
            self.stdout.write(
                f"Paused sources: {paused}. When you resume one, choose which side counts for the "
                "changes that waited when the backup was made."
            )
        if manifest.key != archive.key_mark():
            self.stderr.write(
                "The backup was made with another SECRET_KEY. API keys and second factors work "
                "only if ADE runs with that SECRET_KEY."
            )
        if recount.differences(most=1):
            raise CommandError(
                "The backup is loaded, but its counters differ from a recount. Run "
                "`manage.py recount --fix` to correct them."
            )
        self.stdout.write("Restored. All counts are correct.")


def _require_empty(overwrite: bool) -> None:
    """Raise CommandError if the database has data that must not be deleted."""
    if overwrite:
        return
    if connection.vendor == "sqlite" and not Path(connection.settings_dict["NAME"]).exists():
        return
    tables = connection.introspection.table_names()
    if full := counting.with_data(tables, counting.ask):
        raise CommandError(
            f"The database is not empty ({', '.join(full[:3])}, ...). Use another one, or delete "
            "everything in it with --overwrite."
        )
