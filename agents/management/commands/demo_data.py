"""Demo agents and a demo sign-in, for a first look; run again it changes nothing."""

import secrets
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from agents.domain import demo
from agents.models import Agent

USERNAME = "demo"


class Command(BaseCommand):
    help = "Make demo agents and the sign-in “demo”, but not in a database with agents of its own."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--password", help="of the sign-in “demo”; otherwise one is made up")
        parser.add_argument(
            "--force", action="store_true", help="also in a database with agents of its own"
        )

    def handle(self, *, password: str | None, force: bool, **_options: Any) -> None:
        if not demo.is_there() and not force and (own := Agent.objects.count()):
            # No failure: whoever starts ADE on their own data wants just that.
            self.stdout.write(
                f"This database has agents of its own ({own:,}): no demo data was added."
            )
            return
        with transaction.atomic():
            made = demo.make()
            sign_in = _make_sign_in(password)
        if not made and not sign_in:
            self.stdout.write("The demo data is there already: nothing was changed.")
            return
        parts = [f"{made} agents" if made else "", sign_in]
        self.stdout.write(f"Demo data: made {' and '.join(part for part in parts if part)}.")


def _make_sign_in(password: str | None) -> str:
    """Make the demo's account if there is none; what was made, in words."""
    users = get_user_model().objects
    if users.filter(username=USERNAME).exists():
        return ""
    chosen = password or secrets.token_urlsafe(9)
    users.create_user(USERNAME, password=chosen, first_name="Demo", last_name="Admin", role="admin")
    return f"the sign-in “{USERNAME}”" + ("" if password else f" with the password {chosen}")
