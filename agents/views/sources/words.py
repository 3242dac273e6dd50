"""How a source is doing, in words."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from agents.queries.agents.sourced import FRESH
from agents.queries.sources import SourceState, WholeChange

# What is written per second, for a rough guess: Letta takes 10 to 20.
_PER_SECOND = 10
# From then on a running worker would have begun.
_PATIENCE = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source as pages show it. `tone` is good, warn or bad."""

    of: SourceState
    now: datetime

    @property
    def server(self) -> str:
        """What the server said it is, without the number of agents that it had then."""
        source = self.of.source
        said = re.sub(r", [\d,]+ agents?$", "", source.server_words)
        return said or str(source.get_kind_display())

    @property
    def tone(self) -> str:
        if self.of.state == "failing":
            return "bad"
        return "good" if self.of.state == "in step" and self.is_fresh else "warn"

    @property
    def is_fresh(self) -> bool:
        return self.of.lag is not None and self.of.lag < FRESH.total_seconds()

    @property
    def needs_worker(self) -> bool:
        """True if a running worker would have asked the server by now."""
        source = self.of.source
        if source.paused_at is not None:
            return False
        asked = source.tried_at or source.created_at
        due = max(filter(None, [asked, source.next_try_at]))
        return due < self.now - (FRESH if source.tried_at else _PATIENCE)

    @property
    def next_try(self) -> int | None:
        """Seconds until the next attempt, while the server does not answer."""
        at = self.of.source.next_try_at
        return None if at is None else max(0, round((at - self.now).total_seconds()))

    @property
    def progress(self) -> list["Progress"]:
        return [Progress(change) for change in self.of.changes]


@dataclass(frozen=True, slots=True)
class Progress:
    """A change of many agents on its way to a source."""

    of: WholeChange

    @property
    def done(self) -> int:
        return self.of.agents - self.of.left

    @property
    def span(self) -> str:
        """About how long the rest takes."""
        seconds = self.of.left / _PER_SECOND
        if seconds < 90:
            return f"{max(round(seconds), 1)} s"
        return f"{round(seconds / 60)} min" if seconds < 5400 else f"{round(seconds / 3600)} h"
