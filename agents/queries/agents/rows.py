"""Read the rows of a page of the list in four queries at most, for any number of agents."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from agents.models.agents import short_id
from agents.queries.agents.sourced import At, at_of_many
from agents.queries.core.lookups import IN_KEYS, fetch, looked_up, of_agents, utc
from agents.queries.tags.carried import CarriedTag, carried_by
from agents.queries.tags.machine import is_machine


@dataclass(frozen=True, slots=True)
class TagChip:
    """A tag as pages show it."""

    name: str
    names_user: bool
    protected: bool
    colour: str
    # The name of the agent's source, if the source does not have the tag yet.
    not_at: str = ""


@dataclass(frozen=True, slots=True)
class AgentRow:
    """An agent as a list shows it; user tags first, then by text."""

    seq: int
    public_id: str
    name: str
    model: str
    created_at: datetime
    updated_at: datetime
    tags: list[TagChip] = field(default_factory=list)
    # None: the agent is kept in ADE only.
    at: At | None = None
    # A manager marked it as meant to be shared between users.
    shared: bool = False

    @property
    def short_id(self) -> str:
        """Return the id as lists show it."""
        return short_id(self.public_id)


_AGENTS = (
    "SELECT seq, public_id, name, model, created_at, updated_at, shared_reason IS NOT NULL, source_id"
    f" FROM agents_agent WHERE seq {IN_KEYS}"
)


def rows(seqs: Sequence[int]) -> list[AgentRow]:
    """Return the agents with these keys, in the order of the keys, without those deleted since."""
    read = fetch(_AGENTS, seqs)
    of_sources = [row[0] for row in read if row[-1] is not None]
    # Before the tags, so that one that is just being added counts as waiting.
    at = at_of_many(of_sources) if of_sources else {}
    tags = chips(seqs)
    for seq, place in at.items():
        tags[seq] = place.mark(tags.get(seq, []))
    found = {
        seq: AgentRow(
            seq,
            public_id,
            name,
            model,
            utc(created),
            utc(updated),
            tags.get(seq, []),
            at.get(seq),
            bool(shared),
        )
        for seq, public_id, name, model, created, updated, shared, _ in read
    }
    return [found[seq] for seq in seqs if seq in found]


_TAG = looked_up("agents_tag", "t", "x.tag_id", "name", "names_user", "protected", "colour")
_CHIPS = (
    "SELECT x.agent_id, t.name, t.names_user, t.protected, t.colour"
    f" FROM {of_agents('agents_agenttag', 'x', 'tag_id')} {_TAG}"
)


@lru_cache(maxsize=10_000)
def _chip(name: str, names_user: object, protected: object, colour: str) -> TagChip:
    """Cached, because a page shows the same tags many times. SQLite returns booleans as 0 or 1."""
    return TagChip(name, bool(names_user), bool(protected), colour)


def chips(seqs: Collection[int]) -> dict[int, list[TagChip]]:
    """Return the tags of these agents: user tags, then others by text, then tags of programs."""
    read = fetch(_CHIPS, seqs)
    tags = {row[1:] for row in read}  # many agents have the same
    in_order = sorted(tags, key=lambda tag: (is_machine(tag[0]), not tag[1], tag[0]))
    by_tag: dict[tuple[Any, ...], list[int]] = {tag: [] for tag in in_order}
    for row in read:
        by_tag[row[1:]].append(row[0])
    by_agent: dict[int, list[TagChip]] = defaultdict(list)
    for tag, agents in by_tag.items():
        chip = _chip(*tag)
        for seq in agents:
            by_agent[seq].append(chip)
    return by_agent


def chips_as_added(seq: int) -> list[TagChip]:
    """One agent's tags in the order they were added, so that a new one comes last; those that programs
    write come after all others.

    Of those added together users' tags are first, then by text.
    """
    return chips_of(carried_by([seq])[seq])


def chips_of(carried: Iterable[CarriedTag]) -> list[TagChip]:
    """These tags of one agent, in the order of `chips_as_added`."""

    def order(tag: CarriedTag) -> tuple[bool, int, bool, str]:
        return is_machine(tag.name), tag.change_set_id, not tag.names_user, tag.name

    tags = sorted(carried, key=order)
    return [_chip(tag.name, tag.names_user, tag.protected, tag.colour) for tag in tags]
