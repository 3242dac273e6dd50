"""Count again what is derived from other rows, and set it right if asked."""

from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from agents.domain import recount
from agents.domain.recount import Difference
from agents.tagnames import shown

_SHOWN = 20  # differences of one kind that are printed


class Command(BaseCommand):
    help = "Recount counters, folded texts, tag kinds and the search index; exit 1 if they differ."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--fix", action="store_true", help="set right what differs")

    def handle(self, *, fix: bool, **_options: Any) -> None:
        if fix:
            done = recount.repair()
            self._tell(done.listed)
            self.stdout.write(
                f"Set right: {done.count:,}." if done.count else "Everything is as counted."
            )
            return
        found = recount.differences()
        self._tell(found)
        if found:
            raise CommandError("There are differences; --fix sets them right.")
        self.stdout.write("Everything is as counted.")

    def _tell(self, found: list[Difference]) -> None:
        """Print the first differences of each kind, and whether there are more."""
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
                self.stdout.write(f"{what}: and more; {_SHOWN} are shown")


def _text(value: object) -> str:
    return "missing" if value is None else shown(str(value))
