"""Create an API key. Prints its token once, on a line of its own. The token is not stored."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from agents.core.actors import command_actor
from agents.core.errors import DomainError
from agents.core.tag_text import shown
from agents.domain.core.tag_rules import PRESETS
from agents.domain.keys import create_key
from agents.models import Scope

_MOST_DAYS = 36_500


class Command(BaseCommand):
    help = "Create an API key and print its token once, on a line of its own."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what the key is for; the history shows it")
        parser.add_argument(
            "--scope", choices=Scope.values, default=Scope.WRITE, help="default: write"
        )
        parser.add_argument(
            "--limit-tag", metavar="T", help="the key can access only agents with this tag"
        )
        parser.add_argument(
            "--may-tag",
            action="append",
            default=[],
            metavar="P",
            help="a pattern of tags that a limited key may write (* matches any text); repeatable",
        )
        parser.add_argument(
            "--any-label",
            action="store_true",
            help="a limited key may also write every tag except user tags and tags that the settings "
            "protect",
        )
        parser.add_argument(
            "--names-user",
            action="store_true",
            help="mark the tag of --limit-tag as a user tag, if it matches no user tag pattern",
        )
        parser.add_argument(
            "--preset",
            choices=sorted(PRESETS),
            default="",
            help="letta-code: the key may also write the tags with which Letta Code creates and pins agents",
        )
        parser.add_argument(
            "--rights",
            metavar="R",
            help="only these rights on agents, with commas: read_agent, write_agent, read_messages,"
            " write_messages; none for a gate, which only asks what other keys may do",
        )
        parser.add_argument("--expires-days", type=int, metavar="N", help="valid for N days")

    def handle(
        self,
        *,
        name: str,
        scope: str,
        limit_tag: str | None,
        may_tag: list[str],
        any_label: bool,
        names_user: bool,
        preset: str,
        rights: str | None,
        expires_days: int | None,
        **_options: Any,
    ) -> None:
        if (may_tag or any_label) and limit_tag is None:
            option = "--may-tag" if may_tag else "--any-label"
            raise CommandError(f"{option} needs --limit-tag: it is for limited keys only.")
        if expires_days is not None and not 1 <= expires_days <= _MOST_DAYS:
            raise CommandError(f"--expires-days must be a whole number from 1 to {_MOST_DAYS:,}.")
        expires_at = expires_days and timezone.now() + timedelta(days=expires_days)
        try:
            made = create_key(
                name=name,
                actor=command_actor("create_api_key"),
                scope=Scope(scope),
                limit_tag=limit_tag,
                may_tag=may_tag,
                any_label=any_label,
                names_user=names_user,
                preset=preset,
                rights=None if rights is None else _listed(rights),
                expires_at=expires_at or None,
            )
        except DomainError as error:
            raise CommandError(error.message) from error
        until = f"valid until {expires_at:%Y-%m-%d %H:%M} UTC" if expires_at else "no expiry"
        limit = f", limited to agents tagged {shown(limit_tag)}" if limit_tag is not None else ""
        # All but the token goes to stderr, so `KEY=$(manage.py create_api_key NAME)` is the token.
        self.stderr.write(
            f"API key “{shown(name)}”, scope {scope}{limit}, {until}. The key is shown only once:",
            self.style.NOTICE,
        )
        self.stdout.write(made.token)


def _listed(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    return [] if names == ["none"] else names
