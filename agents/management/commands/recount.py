"""Count again what is derived from other rows, and set it right if asked."""

from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from agents.domain import recount
from agents.tagnames import shown

_SHOWN = 20  # differences of one kind that are printed


class Command(BaseCommand):
    help = "Recount counters, folded texts, tag kinds and the search index; exit 1 if they differ."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--fix", action="store_true", help="set right what differs")

    def handle(self, *, fix: bool, **_options: Any) -> None:
        found = recount.repair() if fix else recount.differences()
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
                self.stdout.write(f"{what}: {count:,} differences, {_SHOWN} shown")
        if not found:
            self.stdout.write("Everything is as counted.")
        elif fix:
            self.stdout.write(f"Set right: {len(found):,} values.")
        else:
            raise CommandError(f"{len(found):,} differences; --fix sets them right.")


def _text(value: object) -> str:
    return "missing" if value is None else shown(str(value))
