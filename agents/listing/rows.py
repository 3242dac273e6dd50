"""The rows of a page of the list: two queries, however many agents."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from agents.listing.lookups import IN_KEYS, fetch, looked_up, of_agents, utc
from agents.models import AgentTag
from agents.models.agents import short_id


@dataclass(frozen=True, slots=True)
class TagChip:
    """A tag as a page shows it."""

    name: str
    names_user: bool
    protected: bool
    colour: str


@dataclass(frozen=True, slots=True)
class AgentRow:
    """An agent as a list shows it; users' tags first, then by text."""

    seq: int
    public_id: str
    name: str
    model: str
    created_at: datetime
    updated_at: datetime
    tags: list[TagChip] = field(default_factory=list)

    @property
    def short_id(self) -> str:
        """The id as lists show it."""
        return short_id(self.public_id)


_AGENTS = (
    "SELECT seq, public_id, name, model, created_at, updated_at"
    f" FROM agents_agent WHERE seq {IN_KEYS}"
)


def rows(seqs: Sequence[int]) -> list[AgentRow]:
    """The agents of these keys, in the order of the keys given; those deleted since are left out."""
    tags = chips(seqs)
    found = {
        seq: AgentRow(seq, public_id, name, model, utc(created), utc(updated), tags.get(seq, []))
        for seq, public_id, name, model, created, updated in fetch(_AGENTS, seqs)
    }
    return [found[seq] for seq in seqs if seq in found]


_TAG = looked_up("agents_tag", "t", "x.tag_id", "name", "names_user", "protected", "colour")
_CHIPS = (
    "SELECT x.agent_id, t.name, t.names_user, t.protected, t.colour"
    f" FROM {of_agents('agents_agenttag', 'x', 'tag_id')} {_TAG}"
)


@lru_cache(maxsize=10_000)
def _chip(name: str, names_user: object, protected: object, colour: str) -> TagChip:
    """A page shows the same tags again and again. (SQLite keeps a truth as 0 or 1.)"""
    return TagChip(name, bool(names_user), bool(protected), colour)


def chips(seqs: Collection[int]) -> dict[int, list[TagChip]]:
    """The tags of these agents, users' tags first, then by text."""
    by_agent: dict[int, list[TagChip]] = defaultdict(list)
    for seq, *chip in fetch(_CHIPS, seqs):
        by_agent[seq].append(_chip(*chip))
    for mine in by_agent.values():
        mine.sort(key=lambda chip: (not chip.names_user, chip.name))
    return by_agent


def chips_as_added(seq: int) -> list[TagChip]:
    """One agent's tags in the order they came, so that one more stands at the end.

    Of those that came together users' tags are first, then by text.
    """
    columns = ("tag__name", "tag__names_user", "tag__protected", "tag__colour")
    rows = AgentTag.objects.filter(agent_id=seq).values_list("change_set_id", *columns)
    ordered = sorted(rows, key=lambda row: (row[0], not row[2], row[1]))
    return [TagChip(*chip) for _, *chip in ordered]
