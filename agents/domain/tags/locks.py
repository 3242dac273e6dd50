"""Lock agents and the tags that a write adds or removes, and compute the change under the locks.

Every write takes its locks in this order: new tags by name, tags by id, agents by seq, tag counters
by id. On SQLite the transaction is the lock.

A write to one agent takes shared locks on the tags it adds or removes. Many such writes can therefore
run at the same time. It locks the counters of these tags last: otherwise all writers of a tag that every
agent gets would wait for each other.
A write of many agents locks its tags exclusively. Only tags that are added or removed are locked.
They are looked up before the locks and checked under them; if rows changed meanwhile, the write is
retried.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from ade import etags
from ade.db.statements import IN_IDS, IN_NAMES, IS_SQLITE, Loader, execute, fetch, listed, moment
from agents.core.actors import Actor
from agents.core.errors import LimitExceeded, PreconditionFailed
from agents.core.etag import etag_of
from agents.domain.core import permissions
from agents.domain.core.transactions import RowsChanged
from agents.domain.core.versions import next_updated_at
from agents.domain.tags import behind, crossing, second_owner, tag_rows
from agents.models import Agent, ChangeSet, Tag
from agents.queries.agents.find import agent_not_found
from agents.queries.core.lookups import looked_up
from agents.queries.tags.carried import CarriedTag, carried_by
from agents.queries.tags.closed import CARRIES_CLOSED

_agents = Loader(Agent)
_LOCK_AGENT = (
    f"SELECT {_agents.columns('a')} FROM agents_agent a WHERE a.public_id = %s"  # noqa: S608 ours
    f"{'' if IS_SQLITE else ' FOR NO KEY UPDATE'}"
)
_SAVE_COUNTS = (
    "UPDATE agents_agent SET tag_count = %s, user_tag_count = %s, updated_at = %s, version = %s"
    " WHERE seq = %s"
)
_TAKE_OFF = f"DELETE FROM agents_agenttag WHERE agent_id = %s AND tag_id {IN_IDS}"  # noqa: S608 ours


@dataclass(slots=True)
class LockedAgent:
    """A locked agent, the tags it carries, and the tags that were locked with it, by name.

    `tags_before` are those that it carried when it was locked. Tags in `created` were inserted for this
    write.
    """

    agent: Agent
    actor: Actor
    tags_before: Sequence[CarriedTag]
    locked_tags: dict[str, Tag]
    created: Collection[str] = ()
    carried: dict[str, CarriedTag] = field(init=False)
    second_owner: bool = field(init=False, default=False)
    crossings: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.carried = {tag.name: tag for tag in self.tags_before}

    @property
    def is_visible(self) -> bool:
        """True if the agent is within the actor's reach."""
        closed = any(tag.is_closed for tag in self.carried.values())
        return self.actor.reach.covers(self.agent.public_id, self.carried, closed=closed)

    @property
    def names(self) -> list[str]:
        """The agent's tags, ordered by their bytes."""
        return sorted(self.carried)

    @property
    def added_at(self) -> dict[int, datetime]:
        """When each tag that the agent carried at lock time was added, keyed by tag id."""
        return {tag.id: tag.added_at for tag in self.tags_before}

    @property
    def all_tags(self) -> list[Tag]:
        """The carried tags in the order of `names`. Raises RowsChanged unless all of them are locked."""
        if not self.locked_tags.keys() >= self.carried.keys():
            raise RowsChanged
        return [self.locked_tags[name] for name in self.names]

    def require_version(self, if_match: str | None) -> None:
        """Raise PreconditionFailed unless `if_match` is None or names the current ETag."""
        if if_match is None:
            return
        etag = etag_of(self.agent.public_id, self.agent.version, self.carried)
        if not etags.names(if_match, etag):
            raise PreconditionFailed("The agent has changed since the version in If-Match.")

    def tags_except(self, names: Collection[str]) -> list[str]:
        """The agent's tags that are not in `names`, sorted."""
        wanted = set(names)
        return [name for name in self.names if name not in wanted]

    def delta(
        self, add: Iterable[str], remove: Iterable[str], *, refuse_second_owner: bool = True
    ) -> tuple[list[Tag], list[Tag]]:
        """Return the tags to add and to remove, without those already added or removed.

        Sets `second_owner` and `crossings`, the number of things that begin to be shared with another user.
        Raises NotAllowed, Invalid (too many tags), Conflict (a tag that is ending, or a second owner or
        crossing that the settings refuse), or RowsChanged if one of them is not locked.
        """
        missing = [name for name in add if name not in self.carried]
        present = [name for name in remove if name in self.carried]
        if not self.locked_tags.keys() >= {*missing, *present}:
            raise RowsChanged
        to_add = [self.locked_tags[name] for name in missing]
        to_remove = [self.locked_tags[name] for name in present]
        permissions.check_delta(self.actor, add=to_add, remove=to_remove)
        tag_rows.require_not_ending(to_add)
        count = len(self.carried) + len(to_add) - len(to_remove)
        if to_add and count > settings.MAX_TAGS_PER_AGENT:
            raise LimitExceeded(
                f"An agent has at most {settings.MAX_TAGS_PER_AGENT:,} tags; "
                f"this would make {count:,}.",
                field="tags",
            )
        self.second_owner = second_owner.check(
            self.agent, to_add, to_remove, refuse=refuse_second_owner
        )
        self.crossings = crossing.check_tags(
            self.agent, to_add, self.actor, refuse=refuse_second_owner
        )
        return to_add, to_remove

    def touch(self) -> datetime:
        """Set a new version and `updated_at` in memory and return the moment. The caller saves the row."""
        now = timezone.now()
        self.agent.updated_at = next_updated_at(self.agent.updated_at, now)
        self.agent.version += 1
        return now

    def write_tags(self, add: Sequence[Tag], remove: Sequence[Tag], change_set: ChangeSet) -> None:
        """Insert and delete the rows of a checked delta. The caller saves the agent and updates counters last."""
        if remove:
            execute(_TAKE_OFF, [self.agent.seq, listed([tag.id for tag in remove])])
        if add:
            pairs = ((tag.id, self.agent.seq) for tag in add)
            tag_rows.put_on(pairs, change_set, change_set.created_at)
        for tag in remove:
            del self.carried[tag.name]
        for tag in add:
            self.carried[tag.name] = CarriedTag.of(tag, change_set)
        if add or remove:
            behind.mark_one(self.agent, change_set)
        self.agent.tag_count = len(self.carried)
        self.agent.user_tag_count = sum(tag.names_user for tag in self.carried.values())

    def save_counts(self) -> None:
        """Save the columns of the agent that change with its tags."""
        agent = self.agent
        counts = [agent.tag_count, agent.user_tag_count]
        execute(_SAVE_COUNTS, [*counts, moment(agent.updated_at), agent.version, agent.seq])

    def update_counts(
        self, add: Sequence[Tag], remove: Sequence[Tag], change_set: ChangeSet
    ) -> None:
        """Update the counters of a delta's tags. Call it last: they stay locked until the commit."""
        counted = [tag for tag in add if tag.name not in self.created]
        if counted or remove:
            tag_rows.update_counts(counted, remove, change_set)


@dataclass(frozen=True, slots=True)
class TagNames:
    """An agent's tags and others by name, read without locks; `protected` are those that are.

    `carried` has all tags of the agent only if they were asked for, else those of the others that it
    carries. `closed`: the actor is limited, and the agent has a closed tag.
    """

    carried: set[str]
    existing: set[str]
    protected: set[str]
    closed: bool


def lock_agent(
    agent_id: str,
    *,
    actor: Actor,
    add: Sequence[str] = (),
    remove: Sequence[str] = (),
    remove_others: bool = False,
    read: TagNames | None = None,
) -> LockedAgent:
    """Lock an agent, and share-lock the tags that it is about to gain or lose.

    Tags in `add` are created if they do not exist, and counted as carried by this agent. With
    `remove_others` the agent loses every tag that is not in `add`. `read` is what `read_tag_names`
    returned for this agent, this actor and these tags, if the caller has it. Call it inside a write. Raises NotFound if this actor cannot see the agent, NotAllowed if a limited
    actor may not add one of the tags.
    """
    gained: set[str] = set()
    lost = set(remove)
    created: dict[str, Tag] = {}
    # Waiting for a lock reveals nothing that an unlimited actor may not know, so it needs no read before locking.
    if add or remove_others or actor.limited:
        read = read or read_tag_names(agent_id, [*add, *remove], actor, all_carried=remove_others)
        if not actor.reach.covers(agent_id, read.carried, closed=read.closed):
            raise agent_not_found(agent_id)
        gained = set(add) - read.carried
        lost = read.carried - set(add) if remove_others else read.carried & set(remove)
        # Before any tag that the agent does not carry is created or waited for.
        permissions.check_limited(actor, add=[name for name in add if name in gained])
        rows = tag_rows.create_rows(gained - read.existing, first_added_by=actor.name)
        created = {tag.name: tag for tag in rows}
    locked_tags = tag_rows.share_lock((gained | lost) - created.keys()) | created
    if not locked_tags.keys() >= gained:
        raise RowsChanged  # a tag was renamed meanwhile; the retry creates one with its old name
    agent = _agents.first(_LOCK_AGENT, [agent_id])
    if agent is None:
        raise agent_not_found(agent_id)
    tags_before = carried_by([agent.seq])[agent.seq]
    locked = LockedAgent(agent, actor, tags_before, locked_tags, created.keys())
    if not locked.is_visible:
        raise agent_not_found(agent_id)
    return locked


def lock_agents(
    agent_ids: Collection[str],
    *,
    actor: Actor,
    create: Collection[str] = (),
    existing: Collection[str] = (),
) -> dict[str, LockedAgent]:
    """Lock tags and then agents, by public id. Agents that the actor cannot see are left out.

    Tags in `create` are created if they do not exist; tags in `existing` are locked if they exist.
    Call it inside a write.
    """
    locked_tags = {tag.name: tag for tag in tag_rows.lock_or_create(create, existing=existing)}
    agents = list(_visible(actor).filter(public_id__in=agent_ids).order_by("seq"))
    tags = carried_by([agent.seq for agent in agents])
    locked = [LockedAgent(agent, actor, tags[agent.seq], locked_tags) for agent in agents]
    return {each.agent.public_id: each for each in locked if each.is_visible}


def _visible(actor: Actor) -> QuerySet[Agent]:
    return Agent.objects.visible_to(actor).select_for_update(no_key=True)


_SOME = (
    "SELECT t.name, t.protected, (SELECT 1 FROM agents_agent a JOIN agents_agenttag x"  # noqa: S608 ours
    " ON x.agent_id = a.seq WHERE a.public_id = %s AND x.tag_id = t.id LIMIT 1)"
    f" FROM agents_tag t WHERE t.name {IN_NAMES}"
)
_ALL = (
    "SELECT t.name, t.protected, 1 FROM agents_agent a JOIN agents_agenttag x ON x.agent_id = a.seq"  # noqa: S608 ours
    f" {looked_up('agents_tag', 't', 'x.tag_id', 'name', 'protected')} WHERE a.public_id = %s"
    f" UNION ALL SELECT t.name, t.protected, NULL FROM agents_tag t WHERE t.name {IN_NAMES}"
)
# One more row, with a name that no tag has, if the agent has a closed tag.
_IF_CLOSED = (
    " UNION ALL SELECT '', FALSE, 1 FROM agents_agent c WHERE c.public_id = %s"  # noqa: S608 ours
    f" AND EXISTS ({CARRIES_CLOSED.format(column='c.seq')})"
)


def read_tag_names(
    agent_id: str, names: Sequence[str], actor: Actor, *, all_carried: bool = False
) -> TagNames:
    """Read without locks which of these tags exist, and which of them the agent carries.

    The tags of the actor's reach are read too. With `all_carried` all tags of the agent are read.
    """
    sql = _ALL if all_carried else _SOME
    params = [agent_id, listed([*names, *actor.reach.tags])]
    if actor.limited:
        sql, params = sql + _IF_CLOSED, [*params, agent_id, moment(timezone.now())]
    found = fetch(sql, params)
    rows = [row for row in found if row[0]]
    return TagNames(
        {name for name, _, is_carried in rows if is_carried},
        {name for name, _, _ in rows},
        {name for name, is_protected, _ in rows if is_protected},
        closed=len(rows) < len(found),
    )
