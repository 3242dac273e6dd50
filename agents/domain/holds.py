"""Agents held for writing, with their tags: the locks, in their order, and the delta under them.

Order of locks everywhere: new tags by name, tags by id, agents by seq, counters of tags by id. On
SQLite the transaction itself is the lock. A write of one agent keeps its tags, which many may do at
once, and locks their counters last: a tag that all agents get would otherwise make all writers wait
for each other. A write of many agents locks its tags for itself. Only tags that a delta touches are
kept or locked. Which these are is looked up before the locks and checked under them; where it
moved, the write is run again.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from agents.actors import Actor
from agents.domain import guard, tagrows
from agents.domain.touching import moved_on
from agents.domain.transactions import Moved
from agents.errors import Invalid, NotFound, PreconditionFailed
from agents.etag import etag_of, matches
from agents.models import Agent, AgentTag, ChangeSet, Tag

# What a delta of tags moves on the agent itself.
MOVED = ("tag_count", "user_tag_count", "updated_at", "version")
_LOOK = (
    "SELECT t.name, 1 FROM agents_agent a JOIN agents_agenttag x ON x.agent_id = a.seq"
    " JOIN agents_tag t ON t.id = x.tag_id WHERE a.public_id = %s"
    " UNION ALL SELECT name, 0 FROM agents_tag WHERE name IN ({marks})"
)


def agent_not_found(agent_id: str) -> NotFound:
    """The one wording for an agent that is not there, or not there for this actor."""
    return NotFound(f"Agent with ID {agent_id} not found")


@dataclass(slots=True)
class Held:
    """One agent under lock: its row, the tags it carries, and the rows of all tags locked."""

    agent: Agent
    actor: Actor
    carried: dict[str, Tag]
    known: dict[str, Tag]

    @property
    def names(self) -> list[str]:
        """The agent's tags, ordered by their bytes."""
        return sorted(self.carried)

    def require_version(self, if_match: str | None) -> None:
        """Raise PreconditionFailed unless `if_match` is None or names the current ETag."""
        if if_match is None:
            return
        if not matches(if_match, etag_of(self.agent.public_id, self.agent.version, self.carried)):
            raise PreconditionFailed("The agent has changed since the version in If-Match.")

    def others(self, names: Collection[str]) -> list[str]:
        """The tags it carries that are not among `names`, in a settled order."""
        wanted = set(names)
        return [name for name in self.names if name not in wanted]

    def delta(self, add: Iterable[str], remove: Iterable[str]) -> tuple[list[Tag], list[Tag]]:
        """The tags to put on and to take off, without those that are so already.

        Raises NotAllowed, Invalid (too many), or Moved where one of them is not locked.
        """
        missing = [name for name in add if name not in self.carried]
        present = [name for name in remove if name in self.carried]
        if not self.known.keys() >= {*missing, *present}:
            raise Moved
        to_add = [self.known[name] for name in missing]
        to_remove = [self.known[name] for name in present]
        guard.check_delta(self.actor, add=to_add, remove=to_remove)
        count = len(self.carried) + len(to_add) - len(to_remove)
        if to_add and count > settings.MAX_TAGS_PER_AGENT:
            raise Invalid(
                f"An agent has at most {settings.MAX_TAGS_PER_AGENT:,} tags; "
                f"this would make {count:,}.",
                field="tags",
            )
        return to_add, to_remove

    def touch(self) -> datetime:
        """Move the agent's version and `updated_at`, in memory; the caller saves the row."""
        now = timezone.now()
        self.agent.updated_at = moved_on(self.agent.updated_at, now)
        self.agent.version += 1
        return now

    def write_tags(self, add: Sequence[Tag], remove: Sequence[Tag], change_set: ChangeSet) -> None:
        """Write the rows of a delta. The caller has checked it, saves the agent, and counts last."""
        if remove:
            ids = [tag.id for tag in remove]
            rows = AgentTag.objects.filter(agent_id=self.agent.seq, tag_id__in=ids)
            rows._raw_delete(using=rows.db)
        if add:
            AgentTag.objects.bulk_create(
                AgentTag(
                    tag_id=tag.id,
                    agent_id=self.agent.seq,
                    added_at=change_set.created_at,
                    change_set_id=change_set.id,
                )
                for tag in add
            )
        for tag in remove:
            del self.carried[tag.name]
        self.carried.update({tag.name: tag for tag in add})
        self.agent.tag_count = len(self.carried)
        self.agent.user_tag_count = sum(tag.names_user for tag in self.carried.values())


def hold(
    agent_id: str,
    *,
    actor: Actor,
    make: Sequence[str] = (),
    also: Sequence[str] = (),
    whole: bool = False,
) -> Held:
    """Keep the tags that a delta touches, lock the agent, and read it under the lock.

    Of `make`, those that it does not carry are kept, and made where they are missing; of `also`,
    those that it carries; with `whole`, all that it carries and are not in `make`. Call it inside
    a write. Raises NotFound where the agent does not exist for this actor.
    """
    known: dict[str, Tag] = {}
    if make or also or whole:
        carried, rows = _look(agent_id, make)
        add = set(make) - carried
        remove = carried - set(make) if whole else carried & set(also)
        tagrows.make_rows(add - rows)
        known = tagrows.keep(add | remove)
        if not known.keys() >= add:
            raise Moved  # renamed in between; then a tag of the old name is made anew
    agent = _visible(actor).filter(public_id=agent_id).first()
    if agent is None:
        raise agent_not_found(agent_id)
    held = Held(agent, actor, _carried([agent.seq])[agent.seq], known)
    if actor.limit is not None and actor.limit not in held.carried:
        raise agent_not_found(agent_id)
    return held


def hold_all(
    agent_ids: Collection[str],
    *,
    actor: Actor,
    make: Collection[str] = (),
    also: Collection[str] = (),
) -> dict[str, Held]:
    """Lock these tags and then these agents; an agent that does not exist for the actor is absent.

    Tags in `make` are made where they are missing. Call it inside a write.
    """
    known = {tag.name: tag for tag in tagrows.lock_made(make, also=also)}
    agents = list(_visible(actor).filter(public_id__in=agent_ids).order_by("seq"))
    carried = _carried([agent.seq for agent in agents])
    return {
        agent.public_id: Held(agent, actor, carried[agent.seq], known)
        for agent in agents
        if actor.limit is None or actor.limit in carried[agent.seq]
    }


def _look(agent_id: str, make: Sequence[str]) -> tuple[set[str], set[str]]:
    """Without a lock: the tags that the agent carries, and those of `make` that have a row."""
    # Fixed text: the ORM takes longer to build it than the database to answer.
    marks = ", ".join(["%s"] * len(make)) or "NULL"
    with connection.cursor() as cursor:
        cursor.execute(_LOOK.format(marks=marks), [agent_id, *make])
        pairs = cursor.fetchall()
    return {name for name, yes in pairs if yes}, {name for name, yes in pairs if not yes}


def _visible(actor: Actor) -> QuerySet[Agent]:
    return Agent.objects.visible_to(actor).select_for_update(no_key=True)


def _carried(seqs: Sequence[int]) -> dict[int, dict[str, Tag]]:
    """The tags of each agent. Read after its lock, in a statement of its own."""
    carried: dict[int, dict[str, Tag]] = defaultdict(dict)
    for row in AgentTag.objects.filter(agent_id__in=seqs).select_related("tag"):
        carried[row.agent_id][row.tag.name] = row.tag
    return carried
