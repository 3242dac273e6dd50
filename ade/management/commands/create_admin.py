"""Create the first admin, or restore access when every admin is locked out."""

import sys
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from ade.accounts import members, password_links
from ade.accounts.members import By
from ade.models import Role, User

BY = By("command:create_admin", "create_admin")


class Command(BaseCommand):
    """Asks for no proof: a person who can run this can read the database anyway."""

    help = (
        "Create an admin, or make an existing member an active admin. Prints a one-time link for "
        "setting the password on a line of its own, or reads the password from standard input."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--full-name", default="", help="shown on pages and in the history")
        parser.add_argument(
            "--password-stdin",
            action="store_true",
            help="read the password from the first line of stdin",
        )
        parser.add_argument(
            "--address", default="http://127.0.0.1:8283", help="the address of ADE, for the link"
        )

    def handle(self, **options: Any) -> None:
        try:
            with transaction.atomic():
                member = self._admin(options["username"], options["full_name"])
                if options["password_stdin"]:
                    password = sys.stdin.readline().rstrip("\r\n")
                    validate_password(password, member)
                    members.set_password(member, password, by=BY)
                    return
                path = password_links.make(member, by=BY)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        self.stdout.write(options["address"].rstrip("/") + path)

    def _admin(self, username: str, full_name: str) -> User:
        member = User.objects.filter(username__iexact=username).first()
        if member is None:
            return members.add(username=username, full_name=full_name, role=Role.ADMIN, by=BY)
        members.enable(member, by=BY)
        return members.change_role(member, role=Role.ADMIN, by=BY)
