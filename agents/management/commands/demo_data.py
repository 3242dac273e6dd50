"""Create demo agents and a demo sign-in for a first look. A second run changes nothing."""

import secrets
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from agents.models import Agent
from agents.samples import demo

USERNAME = "demo"


class Command(BaseCommand):
    help = "Create demo agents and the sign-in “demo”, unless the database has other agents."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--password", help="for the sign-in “demo”; random if not given")
        parser.add_argument(
            "--force", action="store_true", help="also if the database has other agents"
        )

    def handle(self, *, password: str | None, force: bool, **_options: Any) -> None:
        if not demo.is_there() and not force and (own := Agent.objects.count()):
            # Not an error: this is the normal case when ADE starts with real data.
            self.stdout.write(
                f"The database has {own:,} agents of its own. No demo data was added."
            )
            return
        with transaction.atomic():
            made = demo.make()
            sign_in = _make_sign_in(password)
        if not made and not sign_in:
            self.stdout.write("The demo data exists already. Nothing was changed.")
            return
        parts = [f"{made} agents" if made else "", sign_in]
        self.stdout.write(f"Demo data: created {' and '.join(part for part in parts if part)}.")


def _make_sign_in(password: str | None) -> str:
    """Create the demo account if it does not exist. Returns what was created, in words."""
    users = get_user_model().objects
    if users.filter(username=USERNAME).exists():
        return ""
    chosen = password or secrets.token_urlsafe(9)
    users.create_user(USERNAME, password=chosen, first_name="Demo", last_name="Admin", role="admin")
    return f"the sign-in “{USERNAME}”" + ("" if password else f" with the password {chosen}")
