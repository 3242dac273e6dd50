"""Make an API key. Its token is printed once, alone on its line, and kept nowhere."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from agents.actors import command_actor
from agents.domain.keys import create_key
from agents.errors import DomainError
from agents.models import Scope
from agents.tagnames import shown

_MOST_DAYS = 36_500


class Command(BaseCommand):
    help = "Make an API key and print its token, once, alone on its line."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what the key is for; history shows it")
        parser.add_argument(
            "--scope", choices=Scope.values, default=Scope.WRITE, help="default: write"
        )
        parser.add_argument("--limit-tag", metavar="T", help="only agents with this tag exist")
        parser.add_argument(
            "--may-tag",
            action="append",
            default=[],
            metavar="P",
            help="a pattern of tags that a limited key may write (* is any text); repeat for more",
        )
        parser.add_argument("--expires-days", type=int, metavar="N", help="good for N days")

    def handle(
        self,
        *,
        name: str,
        scope: str,
        limit_tag: str | None,
        may_tag: list[str],
        expires_days: int | None,
        **_options: Any,
    ) -> None:
        if may_tag and limit_tag is None:
            raise CommandError("--may-tag says what a limited key may write: give --limit-tag too.")
        if expires_days is not None and not 1 <= expires_days <= _MOST_DAYS:
            raise CommandError(f"--expires-days is a whole number from 1 to {_MOST_DAYS:,}.")
        expires_at = expires_days and timezone.now() + timedelta(days=expires_days)
        try:
            made = create_key(
                name=name,
                actor=command_actor("create_api_key"),
                scope=Scope(scope),
                limit_tag=limit_tag,
                may_tag=may_tag,
                expires_at=expires_at or None,
            )
        except DomainError as error:
            raise CommandError(error.message) from error
        until = f"until {expires_at:%Y-%m-%d %H:%M} UTC" if expires_at else "without an end"
        limit = f", limited to agents tagged {shown(limit_tag)}" if limit_tag is not None else ""
        # What is no token goes to stderr: `KEY=$(manage.py create_api_key NAME)` holds the token.
        self.stderr.write(
            f"API key “{shown(name)}”, scope {scope}{limit}, {until}. It is shown this once:",
            self.style.NOTICE,
        )
        self.stdout.write(made.token)
