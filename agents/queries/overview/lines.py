"""One line of what needs attention."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db.models import QuerySet

# The most rows that a provider counts. A line then reads "100+".
MOST = 100


class Level(StrEnum):
    """How urgent a line is. Pages show it as a colour, a shape and a word."""

    PROBLEM = "problem"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Line:
    """`n` things that need attention; at least `n` with `more`. `n` of 0 hides the line.

    `text` follows the number and links to `url`, the list of these things. `note` is plain text after it.
    """

    n: int
    text: str
    url: str
    level: Level = Level.WARNING
    note: str = ""
    more: bool = False

    @property
    def number(self) -> str:
        return f"{self.n:,}+" if self.more else f"{self.n:,}"


def capped(rows: QuerySet[Any], most: int = MOST) -> tuple[int, bool]:
    """Count up to `most` rows. The second value is True if there are more."""
    found = rows[: most + 1].count()
    return min(found, most), found > most


def plural(n: int, one: str, many: str = "") -> str:
    """The word for this number of things: `many`, by default `one` with an s, unless it is 1."""
    return one if n == 1 else many or f"{one}s"
