"""Take a person's, a key's or a user's name out of history, for a data-protection request."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from agents.actors import command_actor
from agents.domain.erase import erase_name
from agents.errors import DomainError


class Command(BaseCommand):
    help = "Replace a name in all of history by erased-<n>. What was done stays; it is final."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="exactly as history shows it, such as user_1 or “Mara K”")

    def handle(self, *, name: str, **_options: Any) -> None:
        try:
            erased = erase_name(name=name, actor=command_actor("erase_user"))
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"The name is {erased.token} now, in {erased.rows:,} rows.")
        for kind, number in erased.left.items():
            self.stdout.write(f"It still stands in {number:,} of what lives: {kind}.")
        self.stdout.write(
            "A member's account keeps its name; backups, logs and other systems do too."
        )
