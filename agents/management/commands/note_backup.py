"""Tell ADE that another tool has just made a good backup."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from ade.backups import last


class Command(BaseCommand):
    help = (
        "Record that another tool, such as pgBackRest, has just made a good backup. /metrics shows "
        "its age."
    )

    def handle(self, **_options: Any) -> None:
        last.note(timezone.now())
