"""Remove old rows that nobody needs. Run it every night."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from agents.core.actors import command_actor
from agents.domain.upkeep.tidy import tidy


class Command(BaseCommand):
    help = "Remove ended sessions, old task records, expired limited keys and unused plans."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--days",
            type=int,
            default=30,
            help="days to keep keys, plans and task records after their end (default: %(default)s)",
        )

    def handle(self, *, days: int, verbosity: int, **_options: Any) -> None:
        if days < 1:
            raise CommandError("--days must be 1 or more.")
        for what, number in tidy(days=days, actor=command_actor("tidy")).items():
            if verbosity:
                self.stdout.write(f"{number:,} {what} removed.")
