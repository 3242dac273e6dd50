"""Read a source and take in what changed: its feed of changes if it has one, else its whole list.

Nothing is applied before the whole answer was checked: if very many agents are gone or have other owners,
this is probably another server, and the source pauses and asks.
"""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from math import inf
from typing import Any

from django.utils import timezone

from agents.core.actors import source_actor
from agents.core.batches import batches
from agents.core.errors import Busy, DomainError
from agents.core.json_text import loads
from agents.core.tag_text import problem
from agents.domain.core.transactions import write
from agents.domain.sources import fields, owners
from agents.domain.sources.block_links import Links, known_links, links_of
from agents.domain.sources.deletion.bury import bury_agents
from agents.domain.sources.inbox import ask
from agents.domain.sources.merge import is_as_seen
from agents.domain.sources.take_in import KEPT_HERE, Taken, take_in
from agents.models import Agent, AgentSource, AgentTag, InboxKind, SourcedAgent
from agents.net.connectors.base import (
    AgentNotThere,
    Connector,
    SeenAgent,
    Unread,
    Unreadable,
)

LIST_SECONDS = 120.0  # one request of a list
_ONE_SECONDS = 10.0
_BATCH = 100  # agents in one transaction
_BATCH_TAGS = 2000  # tags of the agents in one transaction
_KEPT = 2000  # changed agents that are kept in memory until the whole list was looked at
_MASS_AGENTS, _MASS_SHARE = 20, 0.05  # above both, a change is probably another server
_TRIES = 3  # reads of an agent whose tags are just being pushed
_HIDDEN_AT_ONCE = 200  # hidden agents that are looked at again with one list
_DEEP_SECONDS = 600.0  # between two comparisons of a whole list with the database
_REMEMBERED = 50_000  # states of one source; each takes about 200 bytes
_UNREAD = 100  # entries that cannot be read for which the inbox has a question


class MassChange(Exception):
    """Too many agents are gone or changed: it may be another server. The text gives their number."""


@dataclass(slots=True)
class Memory:
    """What this process knows of a source's last answers: a digest by agent id. It may be empty.

    `deep_at` is when it last compared a whole list with the database, by the monotonic clock. `clock` is
    the source's push_clock at the last reading.
    """

    states: dict[str, str] = field(default_factory=dict)
    deep_at: float = -inf
    clock: int = 0

    def forget_pushed(self, source: AgentSource) -> None:
        """Forget the agents that were pushed since the last reading: the source has other tags now."""
        if source.push_clock != self.clock:
            pushed = SourcedAgent.objects.filter(source=source, push_number__gt=max(0, self.clock))
            for public_id in pushed.values_list("public_id", flat=True).iterator():
                self.states.pop(public_id, None)
            self.clock = source.push_clock

    def keep(self, key: str, state: str) -> None:
        """Remember a state, if there is room."""
        if key in self.states or len(self.states) < _REMEMBERED:
            self.states[key] = state


@dataclass(slots=True)
class Pulled:
    """The result of one reading. `seconds` is how long the server took for the first part of a list."""

    whole: bool = False
    seconds: float = 0.0
    agents: int = 0
    new: int = 0
    changed: int = 0
    gone: int = 0


def pull(connector: Connector, source: AgentSource, memory: Memory, *, whole: bool) -> Pulled:
    """Read what changed, or with `whole` everything. `source` must be read just before.

    Raises Unreachable, Denied, TooLarge; then what was applied so far stays. Raises MassChange before
    anything is applied.
    """
    memory.forget_pushed(source)
    reading = _Reading(connector, source, memory)
    if not whole and source.listed_at is not None and source.feed_mark is not None:
        batches = connector.changed(source.feed_mark, seconds=LIST_SECONDS)
        if batches is not None and reading.feed(batches):
            return reading.pulled
    reading = _Reading(connector, source, memory)
    reading.listing()
    return reading.pulled


class _Reading:
    """One reading of a source."""

    def __init__(self, connector: Connector, source: AgentSource, memory: Memory) -> None:
        self.connector = connector
        self.source = source
        self.memory = memory
        self.pulled = Pulled()
        self.mark = source.feed_mark
        self.copies: Counter[int] = Counter()
        self.known = SourcedAgent.objects.filter(source=source).count()
        self.unread = 0
        self.deep = False

    # --- The feed -----------------------------------------------------------------------------

    def feed(self, batches: Iterable[list[SeenAgent | Unread]]) -> bool:
        """Take in the agents of the feed. False if they are too many to look at together."""
        changed: list[SeenAgent] = []
        for batch in batches:
            changed += self._changed(batch)
            if len(changed) > _KEPT:
                return False
        self._require_same_server(self._owners_changed(changed), what="have other owners")
        self._apply(changed)
        self._finish({"feed_mark": self.mark})
        return True

    # --- The whole list -----------------------------------------------------------------------

    def listing(self) -> None:
        """Take in the whole list, and find out which agents are gone."""
        self.pulled.whole = True
        if time.monotonic() - self.memory.deep_at > _DEEP_SECONDS:
            self.deep = True
            self.memory.states.clear()
        first = self.source.listed_at is None
        ids: set[str] = set()
        changed: list[SeenAgent] = []
        owners_changed, too_many, begun = 0, False, time.monotonic()
        for batch in self.connector.agents(seconds=LIST_SECONDS):
            self.pulled.seconds = self.pulled.seconds or time.monotonic() - begun
            ids.update(agent.id for agent in batch if agent.id is not None)
            found = self._changed(batch)
            if first:
                self._apply(found)
                continue
            owners_changed += self._owners_changed(found)
            too_many = too_many or len(changed) + len(found) > _KEPT
            changed = [] if too_many else changed + found
            self._require_same_server(owners_changed, what="have other owners")
        self.pulled.agents = len(ids)
        gone, other = self._missing(ids)
        if too_many:
            for batch in self.connector.agents(seconds=LIST_SECONDS):
                self._apply(self._changed(batch))
        self._apply([*changed, *other])
        self._bury(gone)
        self._note_copies(len(ids))
        if self.deep:
            self.memory.deep_at = time.monotonic()
        self._finish(
            {
                "feed_mark": self.mark,
                "listed_at": timezone.now(),
                "mass_change_allowed": False,
                "sync_asked_at": None,
            }
        )

    def _missing(self, ids: set[str]) -> tuple[list[str], list[SeenAgent]]:
        """Ask the server for each known agent that was not listed: it is gone, hidden, or brand new."""
        rows = SourcedAgent.objects.filter(source=self.source)
        listed = rows.filter(hidden_there=False).order_by("public_id")
        missing = [one for one in listed.values_list("public_id", flat=True) if one not in ids]
        hidden = rows.filter(hidden_there=True).order_by("seen_at", "agent_id")
        if self.deep:
            oldest = hidden.values_list("public_id", flat=True)[:_HIDDEN_AT_ONCE]
            missing += [one for one in oldest if one not in ids]
        gone: list[str] = []
        other: list[SeenAgent] = []
        for public_id in missing:
            try:
                other.append(self.connector.agent(public_id, seconds=_ONE_SECONDS))
            except AgentNotThere:
                gone.append(public_id)
                self._require_same_server(len(gone), what="are gone")
            except Unreadable as error:
                self._note_unread(Unread(public_id, str(error)))
        return gone, other

    # --- What changed ---------------------------------------------------------------------------

    def _changed(self, batch: Iterable[SeenAgent | Unread]) -> list[SeenAgent]:
        """Return the agents of an answer that differ from what was seen last."""
        news = []
        for agent in batch:
            if isinstance(agent, Unread):
                self._note_unread(agent)
                continue
            if agent.moved is not None and (self.mark is None or agent.moved > self.mark):
                self.mark = agent.moved
            if problem(agent.id) is None and self.memory.states.get(agent.id) != _state(agent):
                news.append(agent)
        rows = self._rows(news)
        links = known_links(row.agent_id for row in rows.values())
        changed = []
        for agent in news:
            row = rows.get(agent.id)
            if (
                row is not None
                and is_as_seen(row, agent)
                and _has_links(links[row.agent_id], agent)
            ):
                self.memory.keep(agent.id, _state(agent))
            else:
                changed.append(agent)
        return changed

    def _note_unread(self, entry: Unread) -> None:
        """Ask about an entry that cannot be read, once."""
        key = f"unread {entry.id}"
        if entry.id is None or problem(entry.id) or self.memory.states.get(key) == entry.why:
            return
        self.memory.keep(key, entry.why)
        self.unread += 1
        if self.unread <= _UNREAD:
            details = {"name": "", "why": entry.why}
            _ask(source=self.source, kind=InboxKind.LIMIT, agent_id=entry.id, details=details)

    def _rows(self, agents: Sequence[SeenAgent]) -> dict[str, SourcedAgent]:
        ids = [agent.id for agent in agents]
        rows = SourcedAgent.objects.filter(source=self.source, public_id__in=ids)
        return {row.public_id: row for row in rows}

    def _owners_changed(self, agents: Sequence[SeenAgent]) -> int:
        """Count the agents that got or lost an owner tag at the source."""
        rows = self._rows(agents)
        moved: dict[str, set[str]] = {}
        for agent in agents:
            row = rows.get(agent.id)
            if row is not None and row.sent_tags is None:
                legal = {text for text in agent.tags if problem(text) is None}
                moved[agent.id] = legal ^ set(loads(row.seen_tags))
        concerned = owners.among({name for names in moved.values() for name in names})
        return sum(bool(names & concerned) for names in moved.values())

    def _require_same_server(self, number: int, *, what: str) -> None:
        if self.source.mass_change_allowed:
            return
        if number > _MASS_AGENTS and number > _MASS_SHARE * self.known:
            raise MassChange(
                f"Is this another server? {number:,} or more of {self.known:,} agents {what}. "
                "Nothing of this was applied."
            )

    # --- Apply ----------------------------------------------------------------------------------

    def _apply(self, agents: Sequence[SeenAgent]) -> None:
        for batch in batches(agents, most=_BATCH, most_tags=_BATCH_TAGS):
            try:
                taken = take_in(source=self.source, agents=batch, clock=self.source.push_clock)
            except DomainError as error:
                self._apply_alone(batch, error)
                continue
            self._count(taken)
            again = set(taken.again)
            for agent in batch:
                if agent.id not in again:
                    self.memory.keep(agent.id, _state(agent))
            for public_id in taken.again:
                self._read_again(public_id)

    def _apply_alone(self, batch: Sequence[SeenAgent], error: DomainError) -> None:
        """Take in each agent by itself, so that one that ADE refuses does not keep out others."""
        if len(batch) > 1:
            for agent in batch:
                self._apply([agent])
            return
        [agent] = batch
        details = {"name": fields.plain(agent.name), "why": error.message}
        _ask(source=self.source, kind=InboxKind.LIMIT, agent_id=agent.id, details=details)
        if not isinstance(error, Busy):
            self.memory.keep(agent.id, _state(agent))

    def _read_again(self, public_id: str) -> None:
        """Read an agent alone whose tags were pushed after the list was asked for."""
        for _ in range(_TRIES):
            clock = AgentSource.objects.values_list("push_clock", flat=True).get(id=self.source.id)
            try:
                agent = self.connector.agent(public_id, seconds=_ONE_SECONDS)
            except (AgentNotThere, Unreadable):
                return
            taken = take_in(source=self.source, agents=[agent], clock=clock)
            self._count(taken)
            if not taken.again:
                self.memory.keep(public_id, _state(agent))
                return
        # The push itself has read the agent since.

    def _count(self, taken: Taken) -> None:
        self.pulled.new += taken.new
        self.pulled.changed += taken.changed
        self.copies.update(taken.copies.values())

    def _bury(self, gone: Sequence[str]) -> None:
        actor = source_actor(self.source.id, self.source.name)
        todo = iter(gone)
        while ids := list(islice(todo, _BATCH)):
            self.pulled.gone += _bury_gone(source=self.source, ids=ids, actor_name=actor.name)
            for public_id in ids:
                self.memory.states.pop(public_id, None)

    def _note_copies(self, listed: int) -> None:
        names = dict(AgentSource.objects.values_list("id", "name")) | {KEPT_HERE: ""}
        for source_id, number in self.copies.items():
            _ask(
                source=self.source, kind=InboxKind.KNOWN_ID, tag=names.get(source_id, ""),
                details={"count": number, "of": listed, "source": names.get(source_id, "")},
            )  # fmt: skip

    def _finish(self, values: dict[str, object]) -> None:
        """Store how far the source was read."""
        changed = {
            name: value for name, value in values.items() if getattr(self.source, name) != value
        }
        if changed:
            AgentSource.objects.filter(id=self.source.id).update(**changed)


@write
def _bury_gone(*, source: AgentSource, ids: Sequence[str], actor_name: str) -> int:
    """Delete agents here that the source does not have, and ask about each in the inbox. Return how many."""
    names = dict(Agent.objects.filter(public_id__in=ids).values_list("public_id", "name"))
    tags: dict[str, list[str]] = {public_id: [] for public_id in ids}
    rows = AgentTag.objects.filter(agent__public_id__in=ids).order_by("tag__name")
    for public_id, tag in rows.values_list("agent__public_id", "tag__name"):
        tags[public_id].append(tag)
    actor = source_actor(source.id, actor_name)
    change_set = bury_agents(ids, actor=actor, reason=f"gone at {source.name}")
    if change_set is None:
        return 0
    for public_id, name in names.items():
        details = {"name": name, "tags": tags[public_id]}
        ask(
            source.id, InboxKind.GONE, agent_id=public_id, details=details,
            change_set_id=change_set.id,
        )  # fmt: skip
    return len(names)


@write
def _ask(
    *,
    source: AgentSource,
    kind: InboxKind,
    details: dict[str, Any],
    agent_id: str = "",
    tag: str = "",
) -> None:
    ask(source.id, kind, agent_id=agent_id, tag=tag, details=details)


def _has_links(known: Links, agent: SeenAgent) -> bool:
    """True if the answer names the memory blocks that are known."""
    said = links_of(agent)
    return said is None or said.keys() == known.keys()


def _state(agent: SeenAgent) -> str:
    """Equal for two answers that change the same in ADE."""
    blocks = sorted(links_of(agent) or ())
    return fields.digest([fields.digest_of(agent), agent.hidden, sorted(agent.tags), blocks])
