"""Limit a member to the agents with some tags, or change a member's role."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ade.models import Role, User
from agents.core.actors import command_actor
from agents.core.errors import DomainError
from agents.core.tag_text import shown
from agents.domain.core.unset import UNSET
from agents.domain.members import change_member, limit_of


class Command(BaseCommand):
    help = "Limit a member to the agents with any of up to 10 tags, or change the member's role."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        limit = parser.add_mutually_exclusive_group()
        limit.add_argument(
            "--tag",
            action="append",
            default=[],
            metavar="T",
            help="the member can access only agents with this tag; repeatable",
        )
        limit.add_argument(
            "--no-limit", action="store_true", help="the member can access all agents"
        )
        parser.add_argument("--role", choices=Role.values, help="an admin has no limit")

    def handle(
        self, *, username: str, tag: list[str], no_limit: bool, role: str | None, **_options: Any
    ) -> None:
        if not (tag or no_limit or role):
            raise CommandError("Pass --tag, --no-limit or --role.")
        member = User.objects.filter(username__iexact=username).first()
        if member is None:
            raise CommandError(f"There is no member {shown(username)}.")
        try:
            changed = change_member(
                member_id=member.pk,
                role=None if role is None else Role(role),
                limit=None if no_limit else tag or UNSET,
                actor=command_actor("limit_member"),
            )
        except DomainError as error:
            raise CommandError(error.message) from error
        names = " or ".join(shown(name) for name in limit_of(changed))
        access = f"only agents tagged {names}" if changed.stored_reach is not None else "all agents"
        self.stdout.write(f"{changed.username}, {changed.role}, can access {access}.")
