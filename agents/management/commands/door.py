"""Ask a running front door the questions that matter, and say what is open."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from django.core.management.base import BaseCommand, CommandError, CommandParser

from agents.management.door_questions import Finding, questions

SECONDS = 15.0


class Command(BaseCommand):
    help = "Check a running front door from outside: door check https://letta.example.org"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["check"])
        parser.add_argument("url", help="the address of the door, as your users have it")
        parser.add_argument(
            "--token-file",
            metavar="F",
            help="a file with the token of a limited key: asks more, and changes nothing",
        )

    def handle(self, *, url: str, token_file: str | None, **_options: Any) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/"):
            raise CommandError("The address must be like https://letta.example.org.")
        token = ""
        if token_file is not None:
            try:
                with Path(token_file).open(encoding="utf-8") as file:
                    token = file.read(1000).strip()
            except OSError as error:
                raise CommandError(f"{token_file} cannot be read: {error.strerror}.") from error
        found = list(self._asked(url.rstrip("/"), token))
        still_open = [finding for finding in found if not finding.good]
        if still_open:
            raise CommandError(f"{len(still_open)} of {len(found)} answers are wrong: see above.")
        self.stdout.write(f"All {len(found)} answers are right.")

    def _asked(self, url: str, token: str) -> Iterator[Finding]:
        with httpx.Client(base_url=url, timeout=SECONDS, follow_redirects=False) as client:
            for question in questions(token):
                finding = question(client)
                mark = "ok  " if finding.good else "OPEN"
                self.stdout.write(f"{mark} {finding.text}")
                yield finding
