"""The agents that existed at a past moment, by the tags they had then, with bounded work for a page."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from agents.core.errors import BadRequest
from agents.core.json_text import dumps, loads_from_address
from agents.core.limits import PAST_AGENTS
from agents.models import Agent, Tombstone
from agents.queries.access.candidates import Candidate, Place, of_lives, of_tag
from agents.queries.access.past import State, states_at

# Candidates that are looked at together.
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Row:
    """An agent that existed at the moment, since when it existed or had the tag, and its tags then.

    `tags` is None if it changed too often to tell them here. It may be deleted now.
    """

    public_id: str
    name: str
    since: datetime
    tags: list[str] | None
    is_there: bool


@dataclass(frozen=True, slots=True)
class PastPage:
    """A page of agents and the cursor of the next page. With `cut_short`, it may not be full."""

    rows: list[Row] = field(default_factory=list)
    older: str | None = None
    cut_short: bool = False


@dataclass(frozen=True, slots=True)
class PastFilter:
    """The tags that an agent had: one of `any`, all of `all` and none of `none`. Names are those of then."""

    any: Sequence[str] = ()
    all: Sequence[str] = ()
    none: Sequence[str] = ()

    @property
    def sources(self) -> Sequence[str]:
        """The tags whose agents are looked at, one after the other; none: all agents are."""
        return self.any or self.all[:1]

    def matches(self, tags: Collection[str], source: int) -> bool:
        """True if an agent with these tags is listed among those of this source."""
        before = self.any[:source]
        return (
            not any(name in tags for name in before)
            and all(name in tags for name in self.all)
            and not any(name in tags for name in self.none)
        )


@dataclass(frozen=True, slots=True)
class _Met:
    """A candidate of one of the filter's sources."""

    source: int
    one: Candidate


def agents_at(
    wanted: PastFilter, at: datetime, *, cursor: str | None = None, size: int
) -> PastPage:
    """Return agents that existed at a moment and match. Raises BadRequest for a cursor that cannot be read."""
    start = _decode(cursor)
    candidates = _candidates(wanted, at, start)
    rows: list[Row] = []
    looked, place = 0, cursor
    while looked < PAST_AGENTS:
        chunk = list(islice(candidates, _CHUNK if looked else size + 1))
        if not chunk:
            return PastPage(rows)
        looked += len(chunk)
        fitting = _fitting(chunk, wanted, at)
        for met in chunk:
            row = fitting.get(met.one.place)
            if row is not None and len(rows) == size:
                return PastPage(rows, place)
            place = _encode(met)
            if row is not None:
                rows.append(row)
    return PastPage(rows, place, cut_short=True)


def _candidates(
    wanted: PastFilter, at: datetime, start: tuple[int, Place] | None
) -> Iterator[_Met]:
    first, place = start or (0, None)
    if not wanted.sources:
        yield from (_Met(0, one) for one in of_lives(at, place))
    for number, tag in enumerate(wanted.sources):
        if number >= first:
            found = of_tag(tag, at, place if number == first else None)
            yield from (_Met(number, one) for one in found)


def _fitting(chunk: Sequence[_Met], wanted: PastFilter, at: datetime) -> dict[Place, Row]:
    """Return the rows of those candidates that match, by their places."""
    ids = {met.one.agent_id for met in chunk} - {""}
    there = dict(Agent.objects.filter(public_id__in=ids).values_list("public_id", "name"))
    gone = dict(Tombstone.objects.filter(public_id__in=ids).values_list("public_id", "name"))
    if not wanted.sources:
        dead = {met.one.agent_id for met in chunk if met.one.is_open} - there.keys()
        ids -= dead - {met.one.agent_id for met in chunk if not met.one.is_open}
    states = states_at(ids, at)
    found = {}
    for met in chunk:
        agent_id = met.one.agent_id
        state = states.get(agent_id)
        if state is not None and _fits(met, state, wanted, is_there=agent_id in there):
            name = there.get(agent_id) or gone.get(agent_id, "")
            tags = None if state.tags is None else sorted(state.tags)
            found[met.one.place] = Row(agent_id, name, met.one.since, tags, agent_id in there)
    return found


def _fits(met: _Met, state: State, wanted: PastFilter, *, is_there: bool) -> bool:
    if not wanted.sources and met.one.is_open and not is_there:
        return False
    if state.tags is None:
        return True
    if not state.exists:
        return False
    if not wanted.sources:
        same_life = met.one.since == state.born and met.one.is_open == state.is_last_life
        return same_life and wanted.matches(state.tags, 0)
    source = wanted.sources[met.source]
    return source in state.tags and wanted.matches(state.tags, met.source)


def _encode(met: _Met) -> str:
    place = met.one.place
    return dumps([met.source, place.part, place.moment.isoformat(), place.number])


def _decode(text: str | None) -> tuple[int, Place] | None:
    if not text:
        return None
    try:
        source, part, moment, number = _cells(loads_from_address(text))
    except (ValueError, TypeError):
        raise BadRequest("This link's position in the list cannot be read.") from None
    return source, Place(part, moment, number)


def _cells(value: object) -> tuple[int, int, datetime, int]:
    if not isinstance(value, list) or len(value) != 4:
        raise ValueError
    source, part, text, number = value
    numbers = (source, part, number)
    if any(type(one) is not int or abs(one) >= 1 << 63 for one in numbers):
        raise ValueError
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or not 1 < moment.year < 9999:
        raise ValueError
    return source, part, moment, number
