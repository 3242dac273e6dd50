"""Remove what nobody needs any more; run it each night."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from agents.actors import command_actor
from agents.domain.tidy import tidy


class Command(BaseCommand):
    help = "Remove ended sessions, and old traces of tasks, expired short-lived keys, unused plans."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--days",
            type=int,
            default=30,
            help="how long keys, plans and traces stay after their end (default: %(default)s)",
        )

    def handle(self, *, days: int, verbosity: int, **_options: Any) -> None:
        if days < 1:
            raise CommandError("--days must be 1 or more.")
        for what, number in tidy(days=days, actor=command_actor("tidy")).items():
            if verbosity:
                self.stdout.write(f"{number:,} {what} removed.")
