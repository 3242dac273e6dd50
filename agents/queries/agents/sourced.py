"""Where agents run: the source of each, how fresh it is, and which tags have not reached it yet."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from ade.db.replica import connection
from agents.core.actors import Actor
from agents.core.json_text import loads
from agents.core.raw_texts import loads_texts
from agents.models import Agent, AgentSource, SourcedAgent
from agents.queries.agents.own import newest_own, own_of
from agents.queries.core.lookups import IN_KEYS, fetch

if TYPE_CHECKING:
    from agents.queries.agents.rows import TagChip

# A source that was read later than this is called fresh.
FRESH = timedelta(seconds=60)
_MOST = 200  # names of sources that a filter offers
_SHOWN = 20  # tags of an agent that ADE cannot store
_LONGEST = 80  # characters of each


@dataclass(frozen=True, slots=True)
class At:
    """An agent's place at its source. `as_of` is when the source was last read successfully."""

    source: AgentSource
    seen_tags: frozenset[str]
    set_aside: tuple[str, ...]
    behind: bool
    problem: str
    hidden_there: bool

    @property
    def name(self) -> str:
        return str(self.source.name)

    @property
    def as_of(self) -> datetime | None:
        return self.source.synced_at

    @property
    def is_stale(self) -> bool:
        """True if the source is paused, does not answer, or was not read for a minute."""
        read = self.source.synced_at
        if self.source.paused_at is not None or self.source.problem or read is None:
            return True
        return read < timezone.now() - FRESH

    def waits(self, name: str) -> bool:
        """True if the source does not have this tag of the agent yet."""
        return name not in self.seen_tags

    @property
    def aside_words(self) -> list[str]:
        """The tags that ADE cannot store, as text that can be shown: at most 20 of them, shortened."""
        return [showable(text) for text in self.set_aside[:_SHOWN]]

    @property
    def aside_more(self) -> int:
        """How many tags that ADE cannot store `aside_words` leaves out."""
        return max(len(self.set_aside) - _SHOWN, 0)

    def still_there(self, tags: Iterable[str]) -> list[str]:
        """Return the tags that the agent no longer has here, but still has at the source."""
        return sorted(self.seen_tags.difference(tags)) if self.behind else []

    def mark(self, tags: Iterable["TagChip"]) -> list["TagChip"]:
        """Return the tags, each with the source's name if the source does not have it yet."""
        return [replace(tag, not_at=self.name) if self.waits(tag.name) else tag for tag in tags]


def showable(text: str) -> str:
    """Return a tag as the server wrote it, in characters that a page can contain."""
    if not text:
        return "(an empty tag)"
    # A surrogate half is no character that can be sent.
    plain = text[: _LONGEST + 1].encode("utf-8", "backslashreplace").decode()
    return plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]}…"


def at_of(agent: Agent) -> At | None:
    """Return the place of one agent at its source; None if it is kept in ADE only."""
    if agent.source_id is None:
        return None
    row = SourcedAgent.objects.select_related("source").filter(agent=agent).first()
    if row is None:
        return None
    return At(
        source=row.source,
        seen_tags=frozenset(loads(row.seen_tags)),
        set_aside=tuple(loads_texts(row.set_aside)),
        behind=row.behind_since is not None,
        problem=row.problem,
        hidden_there=row.hidden_there,
    )


_ROWS = (
    "SELECT agent_id, source_id, seen_tags, set_aside, behind_since, problem, hidden_there"
    f" FROM agents_sourcedagent WHERE agent_id {IN_KEYS}"
)


def at_of_many(seqs: Collection[int]) -> dict[int, At]:
    """Return the places of these agents at their sources, in two queries."""
    rows = fetch(_ROWS, seqs)
    sources = AgentSource.objects.in_bulk({row[1] for row in rows}) if rows else {}
    return {
        seq: At(
            sources[source_id],
            frozenset(loads(seen)),
            tuple(loads_texts(aside)),
            behind is not None,
            problem,
            bool(hidden),
        )
        for seq, source_id, seen, aside, behind, problem, hidden in rows
        if source_id in sources
    }


def sources_in_use(*, actor: Actor) -> list[str]:
    """Return the names of sources, in order; for a limited actor those of its newest agents."""
    own = own_of(actor)
    if own is None:
        # Each list of agents asks for them: the ORM would take longer to build this than to run it.
        with connection.cursor() as cursor:
            cursor.execute("SELECT name FROM agents_agentsource ORDER BY name LIMIT %s", [_MOST])
            return [row[0] for row in cursor.fetchall()]
    mine = SourcedAgent.objects.filter(agent_id__in=newest_own(own))
    sources = AgentSource.objects.filter(
        id__in=[*mine.values_list("source_id", flat=True).distinct()]
    )
    return list(sources.order_by("name").values_list("name", flat=True)[:_MOST])
