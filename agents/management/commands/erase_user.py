"""Erase the name of a person, key or user from the history, for a data-protection request."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from agents.core.actors import command_actor
from agents.core.errors import DomainError
from agents.domain.history.erase import erase_name


class Command(BaseCommand):
    help = "Replace a name in the history with erased-<n>. The changes stay. This cannot be undone."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "name", help="exactly as the history shows it, such as user_1 or “Mara K”"
        )

    def handle(self, *, name: str, **_options: Any) -> None:
        try:
            erased = erase_name(name=name, actor=command_actor("erase_user"))
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"Replaced the name with {erased.token} in {erased.rows:,} rows.")
        for kind, number in erased.left.items():
            self.stdout.write(f"Current data still contains it: {kind}, {number:,} rows.")
        self.stdout.write(
            "The name also remains in a member's account, in backups, logs and other systems."
        )
