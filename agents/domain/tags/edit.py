"""Add, remove or replace the tags of one agent.

Adding a tag that the agent carries, or removing one that it does not, succeeds without a change and
without history. Every function is atomic, and safe beside other writers on both databases.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from agents.core.actors import Actor, Power
from agents.core.errors import Invalid, LimitExceeded
from agents.core.limits import TAGS_PER_REQUEST
from agents.core.tag_text import shown, unique_legal
from agents.domain.core import record
from agents.domain.core.record import Entry
from agents.domain.core.transactions import RowsChanged, write
from agents.domain.tags import tag_rows
from agents.domain.tags.locks import LockedAgent, TagNames, lock_agent
from agents.models import Act, Agent, AgentTag, ChangeSet, Op, Tag
from agents.queries.tags.carried import CarriedTag


@dataclass(frozen=True, slots=True)
class TagsResult:
    """The result of a write of tags. `change_set` is None if nothing changed.

    `carried` are the agent's tags after the write, `carried_before` those before it. `first_uses` are
    the added tags that no other agent carried, `added_tags` all that were added.
    """

    agent: Agent
    tags: list[str]
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    change_set: ChangeSet | None = None
    carried: Collection[CarriedTag] = ()
    carried_before: Collection[CarriedTag] = ()
    added_tags: Collection[Tag] = ()
    first_uses: list[str] = field(default_factory=list)
    # The other owners, if an added tag made the agent belong to more than one user.
    other_owners: list[str] = field(default_factory=list)
    # Memory blocks and identities that an added user tag made shared between users.
    crossings: int = 0


@write
def change_tags(
    *,
    agent_id: str,
    add: Collection[object] = (),
    remove: Collection[object] = (),
    actor: Actor,
    reason: str = "",
    undoes: int | None = None,
    if_match: str | None = None,
    read: TagNames | None = None,
) -> TagsResult:
    """Add and remove tags of one agent, as one change set.

    `if_match` is an ETag the agent must still have. `read` is what `read_tag_names` returned for
    the agent and all these tags, if the caller has it. Raises Invalid (an illegal tag, one in both
    lists, too many), NotFound, NotAllowed, PreconditionFailed.
    """
    actor.require(Power.WRITE, "change tags")
    to_add = require_legal_tags(add, field="add")
    to_remove = require_legal_tags(remove, field="remove")
    if set(to_add) & set(to_remove):
        raise Invalid("A tag cannot be added and removed at once.", field="add")
    locked = lock_agent(agent_id, actor=actor, add=to_add, remove=to_remove, read=read)
    locked.require_version(if_match)
    delta = locked.delta(to_add, to_remove)
    return _apply(locked, *delta, reason=reason, undoes=undoes)


@write
def move_agent(*, agent_id: str, to: str, actor: Actor, reason: str = "") -> TagsResult:
    """Give an agent to a user: add the user's tag, and remove all other user tags.

    Raises as `change_tags` does, and Invalid if `to` is not a user tag.
    """
    actor.require(Power.WRITE, "change tags")
    [to] = require_legal_tags([to], field="to")
    if not tag_rows.names_user(to, actor):
        raise Invalid(f"{shown(to)} is not a user tag. Enter a user.", field="to")
    carried = AgentTag.objects.filter(agent__public_id=agent_id, tag__names_user=True)
    owners = list(carried.values_list("tag__name", flat=True))
    others = [name for name in owners if name != to]
    locked = lock_agent(agent_id, actor=actor, add=[to], remove=others)
    if locked.agent.user_tag_count != len(owners):
        raise RowsChanged
    return _apply(locked, *locked.delta([to], others), reason=reason)


def require_legal_tags(names: Collection[object], *, field: str = "tags") -> list[str]:
    """Return the legal tags of a request, without duplicates. Raises Invalid, also for too many."""
    if len(names) > TAGS_PER_REQUEST:
        raise LimitExceeded(
            f"The request has {len(names):,} tags; the limit is {TAGS_PER_REQUEST:,}.", field=field
        )
    return unique_legal(names, field=field)


def tag_entries(
    agent: Agent, add: Iterable[Tag], remove: Iterable[Tag], added_at: Mapping[int, datetime]
) -> list[Entry]:
    """Return the history of added and removed tags. `added_at` is when each removed tag was added, by id."""
    return [
        Entry(
            op,
            agent.public_id,
            agent.name,
            tag.name,
            added_at=added_at.get(tag.id) if op == Op.REMOVE else None,
        )
        for op, tags in ((Op.ADD, add), (Op.REMOVE, remove))
        for tag in tags
    ]


def _apply(
    locked: LockedAgent,
    add: Sequence[Tag],
    remove: Sequence[Tag],
    *,
    reason: str,
    undoes: int | None = None,
) -> TagsResult:
    if not add and not remove:
        return TagsResult(locked.agent, locked.names)
    at = locked.touch()
    act = Act.TAGS if undoes is None else Act.UNDO
    change_set = record.open_change_set(
        actor=locked.actor, act=act, reason=reason, undoes=undoes, at=at
    )
    locked.write_tags(add, remove, change_set)
    locked.save_counts()
    record.record(change_set, tag_entries(locked.agent, add, remove, locked.added_at))
    locked.update_counts(add, remove, change_set)
    return TagsResult(
        locked.agent,
        locked.names,
        [tag.name for tag in add],
        [tag.name for tag in remove],
        change_set,
        locked.carried.values(),
        locked.tags_before,
        add,
        [tag.name for tag in add if tag.name in locked.created or tag.n == 0],
        _other_owners(locked, add) if locked.second_owner else [],
        locked.crossings,
    )


def _other_owners(locked: LockedAgent, add: Iterable[Tag]) -> list[str]:
    """The user tags of an agent besides the first that was added."""
    added = next(tag.name for tag in add if tag.names_user)
    users = (name for name, tag in locked.carried.items() if tag.names_user)
    return sorted(name for name in users if name != added)
