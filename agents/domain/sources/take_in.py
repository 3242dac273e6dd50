"""Take in what a source says of its agents: create new ones, and merge changes of the others.

A batch is one transaction. The source decides the fields. Tags are merged three ways; see `merge`.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from agents.core.actors import Actor, source_actor
from agents.core.agent_ids import is_agent_id
from agents.core.errors import Conflict, DomainError, LimitExceeded
from agents.core.json_text import dumps, loads
from agents.core.limits import TAGS_PER_REQUEST
from agents.core.raw_texts import dumps_texts
from agents.core.tag_text import problem
from agents.domain.agents import edit as edits
from agents.domain.agents.write import create_agents
from agents.domain.core import record
from agents.domain.core.record import Entry
from agents.domain.core.transactions import RowsChanged, write
from agents.domain.sources import fields, owners
from agents.domain.sources.block_links import note_links
from agents.domain.sources.merge import Held, Incoming, hold, incoming_of, wanted
from agents.domain.sources.questions import Questions
from agents.domain.tags import second_owner
from agents.domain.tags.edit import tag_entries
from agents.domain.tags.locks import LockedAgent, lock_agents
from agents.models import (
    Act,
    Agent,
    AgentSource,
    AgentTag,
    ChangeSet,
    SourcedAgent,
    Tag,
    Tombstone,
)
from agents.net.connectors.base import SeenAgent

KEPT_HERE = 0  # instead of the id of a source


@dataclass(slots=True)
class Taken:
    """The result of a batch: how many agents are new and changed, and the ids that did not come in.

    `copies` are known from another source (its id by agent id) or kept here (KEPT_HERE). `again` must
    be read again, because a push began or ended meanwhile.
    """

    new: int = 0
    changed: int = 0
    copies: dict[str, int] = field(default_factory=dict)
    again: list[str] = field(default_factory=list)


@write
def take_in(
    *,
    source: AgentSource,
    agents: Sequence[SeenAgent],
    clock: int,
    pushing: bool = False,
    wrote: bool = False,
) -> Taken:
    """Take in answers to requests that were sent when the source's push_clock showed `clock`.

    `pushing`: the caller is about to send tags of these agents, and has just read them for that.
    `wrote`: the caller has just written other things to them, so older answers do not count any more.
    """
    taken = Taken()
    by_id = {agent.id: agent for agent in agents if problem(agent.id) is None}
    rows = {
        row.public_id: row
        for row in SourcedAgent.objects.filter(source=source, public_id__in=by_id)
    }
    here = dict(Agent.objects.filter(public_id__in=by_id).values_list("public_id", "source_id"))
    batch = _Batch(source, clock, pushing, taken)
    new, known = [], []
    buried = _buried(by_id.keys() - here.keys(), batch.actor)
    for public_id, seen in by_id.items():
        if public_id in rows:
            known.append(seen)
        elif public_id in here and not _may_adopt(source, here[public_id], wrote=wrote):
            taken.copies[public_id] = here[public_id] or KEPT_HERE
        elif public_id in buried or not _is_asked_for(source, seen):
            continue
        elif public_id in here:
            known.append(seen)
        else:
            new.append(seen)
    batch.make(new)
    batch.merge(known, rows)
    note_links(source, batch.taken_in)
    if wrote:
        number = next_number(source)
        mine = SourcedAgent.objects.filter(source=source, public_id__in=by_id)
        mine.update(push_number=number)
    return taken


def next_number(source: AgentSource) -> int:
    """Advance the source's clock of pushes. Call it inside a write, with the agent locked."""
    AgentSource.objects.filter(id=source.id).update(push_clock=F("push_clock") + 1)
    return AgentSource.objects.values_list("push_clock", flat=True).get(id=source.id)


def _buried(ids: Collection[str], actor: Actor) -> set[str]:
    """Return the ids of agents that were deleted in ADE, but not because they were gone at the source."""
    stones = Tombstone.objects.filter(public_id__in=ids).exclude(deleted_by=actor.name)
    return set(stones.values_list("public_id", flat=True))


def _may_adopt(source: AgentSource, source_id: int | None, *, wrote: bool) -> bool:
    """True if an agent that is here becomes one of this source.

    An agent that is kept here becomes one only in the first sync, or if ADE has just created it there:
    later, people who may create agents at the source could take over any agent.
    """
    if source_id is None:
        return wrote or source.listed_at is None
    return source_id == source.id


def _is_asked_for(source: AgentSource, seen: SeenAgent) -> bool:
    return source.only_tag is None or source.only_tag in seen.tags


class _Batch:
    """One transaction's work on agents of a source."""

    def __init__(self, source: AgentSource, clock: int, pushing: bool, taken: Taken) -> None:
        self.source = source
        self.clock = clock
        self.pushing = pushing
        self.taken = taken
        self.actor = source_actor(source.id, source.name)
        self.reason = f"seen at {source.name}"
        self.now = timezone.now()
        self._change_set: ChangeSet | None = None
        self.questions = Questions(source, self.now)
        # The agents that were created or merged, by seq.
        self.taken_in: dict[int, SeenAgent] = {}

    # --- New agents -------------------------------------------------------------------------

    def make(self, agents: Sequence[SeenAgent]) -> None:
        """Create agents that ADE does not know."""
        for seen in agents:
            if not is_agent_id(seen.id):
                why = "ADE accepts only IDs of the form agent-<uuid> and agent-local-<uuid>."
                self.questions.limit(seen.id, seen.name, why)
        legal = [seen for seen in agents if is_agent_id(seen.id)]
        if not legal:
            return
        most = min(settings.MAX_TAGS_PER_AGENT, TAGS_PER_REQUEST)
        held = {seen.id: hold(seen.tags, keep=(), room=most) for seen in legal}
        names = {name for one in held.values() for name in one.tags}
        ending = owners.ending(names)
        given = self.questions.given_here(names)
        back = owners.came_back(names)
        tags = {
            seen.id: sorted(owners.without_ending(held[seen.id].tags - given, ending))
            for seen in legal
        }
        specs = [fields.new_agent(seen, tags[seen.id]) for seen in legal]
        try:
            made = create_agents(
                specs,
                actor=self.actor,
                act=Act.CREATE,
                reason=self.reason,
                refuse_second_owner=False,
            )
        except Conflict as error:  # an id or a tag was taken meanwhile
            raise RowsChanged from error
        Agent.objects.filter(seq__in=[agent.seq for agent in made]).update(source=self.source)
        two = [agent.public_id for agent in made if second_owner.warns_of(agent)]
        owners.ask_two_owners(self.source.id, two)
        # For agents that were gone at the source and exist there again.
        Tombstone.objects.filter(public_id__in=[agent.public_id for agent in made]).delete()
        rows = []
        for agent, seen in zip(made, legal, strict=True):
            row = SourcedAgent(agent=agent, source=self.source, public_id=seen.id)
            self._note(row, seen, held[seen.id], set(tags[seen.id]))
            rows.append(row)
            self.questions.came_back(back, tags[seen.id], seen)
            self.taken_in[agent.seq] = seen
        SourcedAgent.objects.bulk_create(rows)
        self.taken.new += len(rows)

    # --- Known agents -----------------------------------------------------------------------

    def merge(self, agents: Sequence[SeenAgent], rows: dict[str, SourcedAgent]) -> None:
        """Merge what changed of agents that are here."""
        if not agents:
            return
        carried = _carried([seen.id for seen in agents])
        guesses = [
            incoming_of(rows.get(seen.id) or SourcedAgent(), carried[seen.id], seen)
            for seen in agents
        ]
        add = {name for guess in guesses for name in guess.add}
        remove = {name for guess in guesses for name in guess.remove}
        ending = owners.ending(add)
        given = self.questions.given_here(add | remove)
        back = owners.came_back(add - given)
        locked_agents = lock_agents(
            [seen.id for seen in agents],
            actor=self.actor,
            create=owners.without_ending(add - given, ending),
            existing=remove,
        )
        seqs = [locked.agent.seq for locked in locked_agents.values()]
        locked_rows = {
            row.public_id: row
            for row in SourcedAgent.objects.select_for_update(of=("self",)).filter(
                agent_id__in=seqs, source=self.source
            )
        }
        changed, adopted = [], []
        for seen in agents:
            locked = locked_agents.get(seen.id)
            if locked is None:
                continue
            row = locked_rows.get(seen.id)
            if row is None and locked.agent.source_id not in (None, self.source.id):
                continue  # another source took it meanwhile
            if row is None:
                row = self._adopt(locked)
                adopted.append(row)
            elif not self._counts(row):
                self.taken.again.append(seen.id)
                continue
            else:
                changed.append(row)
            self._merge_one(locked, row, seen, ending, given, back)
            self.taken_in[locked.agent.seq] = seen
        SourcedAgent.objects.bulk_create(adopted)
        _save(changed)

    def _adopt(self, locked: LockedAgent) -> SourcedAgent:
        """Make an agent that is kept here one of the source. The caller saves the row."""
        agent = locked.agent
        agent.source = self.source
        Agent.objects.filter(seq=agent.seq).update(source=self.source)
        return SourcedAgent(
            agent=agent, source=self.source, public_id=agent.public_id, seen_at=self.now
        )

    def _counts(self, row: SourcedAgent) -> bool:
        """True if the answer is news: no push began or ended after it was asked for."""
        if self.pushing:
            return True
        return row.push_number <= self.clock and row.sent_tags is None and not row.before_restore

    def _merge_one(
        self,
        locked: LockedAgent,
        row: SourcedAgent,
        seen: SeenAgent,
        ending: dict[str, str | None],
        given: set[str],
        back: dict[str, owners.Past],
    ) -> None:
        here = set(locked.carried)
        is_new = row._state.adding
        incoming = incoming_of(row, here, seen)
        held_back = set() if is_new else (incoming.add | incoming.remove) & given
        add_names = owners.without_ending(incoming.add - held_back, ending)
        gone = sorted(incoming.remove - held_back)
        try:
            add, remove = locked.delta(sorted(add_names), gone, refuse_second_owner=False)
        except LimitExceeded as error:
            self.questions.limit(seen.id, locked.agent.name, error.message)
            add, remove = locked.delta([], gone)
            held = hold(seen.tags, keep=incoming.held.tags - incoming.add, room=0)
            incoming = Incoming(held, set(), incoming.remove)
        except Conflict as error:  # a tag began to end just now
            raise RowsChanged from error
        entries = self._fields(locked, row, seen)
        if entries or add or remove:
            self._write(locked, entries, add, remove)
            self.taken.changed += 1
        if is_new:
            self.questions.adopted(locked, here, incoming)
        before = set(loads(row.seen_tags))
        self._note(row, seen, incoming.held, set(locked.carried))
        if held_back and held_back & (before ^ incoming.held.tags):
            self.questions.put_back(row, locked, held_back, incoming)
        elif not is_new and self._change_set is not None:
            names = [tag.name for tag in add], [tag.name for tag in remove]
            self.questions.owners_changed(locked, *names, self._change_set)
        self.questions.came_back(back, [tag.name for tag in add], seen, self._change_set)

    def _fields(self, locked: LockedAgent, row: SourcedAgent, seen: SeenAgent) -> list[Entry]:
        digest = fields.digest_of(seen)
        if digest == row.seen_digest:
            return []
        try:
            return edits.apply(fields.edit_of(seen), locked.agent)
        except DomainError:
            return edits.apply(fields.smallest_edit_of(seen), locked.agent)

    def _write(
        self, locked: LockedAgent, entries: list[Entry], add: list[Tag], remove: list[Tag]
    ) -> None:
        at = locked.touch()
        if self._change_set is None:
            act = Act.FIELDS if entries else Act.TAGS
            self._change_set = record.open_change_set(
                actor=self.actor, act=act, reason=self.reason, at=at
            )
        change_set = self._change_set
        before = locked.added_at
        locked.write_tags(add, remove, change_set)
        locked.agent.save()
        tags = tag_entries(locked.agent, add, remove, before)
        record.record(change_set, [*entries, *tags], at=at)
        locked.update_counts(add, remove, change_set)

    def _note(self, row: SourcedAgent, seen: SeenAgent, held: Held, here: set[str]) -> None:
        """Store in the row what the source says, and whether it has all tags of ADE."""
        row.seen_tags = dumps(sorted(held.tags))
        row.set_aside = dumps_texts(held.shown_aside)
        row.seen_digest = fields.digest_of(seen)
        row.moved, row.seen_at, row.hidden_there = seen.moved, self.now, seen.hidden
        row.before_restore = False
        if wanted(here, held.tags) == held.tags:
            row.sent_tags = None if self.pushing else row.sent_tags
            row.behind_since, row.behind_rank, row.behind_by = None, 0, None
            row.push_failures, row.push_after, row.problem = 0, None, ""
        elif row.behind_since is None:
            row.behind_since = self.now


_SAVED_ALONE = 5  # rows; for fewer, one statement for all takes Django longer to build
_COLUMNS = [
    "seen_tags", "set_aside", "seen_digest", "moved", "seen_at", "hidden_there", "before_restore",
    "behind_since", "behind_rank", "behind_by", "sent_tags", "push_failures", "push_after",
    "problem", "put_back_count", "put_back_since",
]  # fmt: skip


def _save(rows: Sequence[SourcedAgent]) -> None:
    if len(rows) > _SAVED_ALONE:
        SourcedAgent.objects.bulk_update(rows, _COLUMNS)
        return
    for row in rows:
        row.save(update_fields=_COLUMNS)


def _carried(ids: Sequence[str]) -> dict[str, set[str]]:
    carried: dict[str, set[str]] = defaultdict(set)
    rows = AgentTag.objects.filter(agent__public_id__in=ids)
    for public_id, name in rows.values_list("agent__public_id", "tag__name"):
        carried[public_id].add(name)
    return carried
