"""Recount values that are derived from other rows, and correct them if asked."""

from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from agents.core.tag_text import shown
from agents.domain.upkeep import recount
from agents.domain.upkeep.recount import Difference

_SHOWN = 20  # printed differences of one kind


class Command(BaseCommand):
    help = "Recount counters, folded texts, tag kinds, hidden marks and the search index; exit 1 if they differ."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--fix", action="store_true", help="correct the differences")

    def handle(self, *, fix: bool, **_options: Any) -> None:
        if fix:
            done = recount.repair()
            self._tell(done.listed)
            self.stdout.write(
                f"Corrected: {done.count:,}." if done.count else "All counts are correct."
            )
            return
        found = recount.differences()
        self._tell(found)
        if found:
            raise CommandError("Some counts are wrong. Correct them with --fix.")
        self.stdout.write("All counts are correct.")

    def _tell(self, found: list[Difference]) -> None:
        """Print the first differences of each kind, and the number if there are more."""
        kinds: Counter[str] = Counter()
        for item in found:
            kinds[item.what] += 1
            if kinds[item.what] <= _SHOWN:
                self.stdout.write(
                    f"{item.what} of {shown(item.row)}: "
                    f"{_text(item.stored)}, should be {_text(item.counted)}"
                )
        for what, count in kinds.items():
            if count > _SHOWN:
                self.stdout.write(f"{what}: {count:,} differences, the first {_SHOWN} shown")


def _text(value: object) -> str:
    return "missing" if value is None else shown(str(value))
