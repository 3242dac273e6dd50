"""Writes of an agent's tags: add and remove as a delta, or replace the whole set.

Adding a tag that is there, or removing one that is not, succeeds, changes nothing and records
nothing. Every function is atomic, and safe beside other writers on both databases.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from agents.actors import Actor, Power
from agents.domain import history, tagrows
from agents.domain.history import Entry
from agents.domain.holds import MOVED, Held, hold
from agents.domain.transactions import write
from agents.errors import Invalid
from agents.limits import TAGS_PER_REQUEST
from agents.models import Act, Agent, ChangeSet, Op, Tag
from agents.tagnames import unique_legal


@dataclass(frozen=True, slots=True)
class TagsResult:
    """What a write of tags came to. `change_set` is None where nothing changed."""

    agent: Agent
    tags: list[str]
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    change_set: ChangeSet | None = None


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
) -> TagsResult:
    """Add and remove tags of one agent, as one change-set.

    `if_match` is an ETag the agent must still have. Raises Invalid (an illegal tag, one in both
    lists, too many), NotFound, NotAllowed, PreconditionFailed.
    """
    actor.require(Power.WRITE, "change tags")
    to_add = legal_set(add, field="add")
    to_remove = legal_set(remove, field="remove")
    if set(to_add) & set(to_remove):
        raise Invalid("A tag cannot be added and removed at once.", field="add")
    held = hold(agent_id, actor=actor, make=to_add, also=to_remove)
    held.require_version(if_match)
    delta = held.delta(to_add, to_remove)
    return _apply(held, *delta, reason=reason, undoes=undoes)


@write
def replace_tags(
    *,
    agent_id: str,
    tags: Collection[object],
    actor: Actor,
    reason: str = "",
    if_match: str | None = None,
) -> TagsResult:
    """Make `tags` the whole set of an agent's tags. Two such writes never mix.

    Raises as `change_tags` does.
    """
    actor.require(Power.WRITE, "change tags")
    wanted = legal_set(tags)
    held = hold(agent_id, actor=actor, make=wanted, whole=True)
    held.require_version(if_match)
    delta = held.delta(wanted, held.others(wanted))
    return _apply(held, *delta, reason=reason)


def legal_set(names: Collection[object], *, field: str = "tags") -> list[str]:
    """The names of one request, each legal and each once. Raises Invalid, also for too many."""
    if len(names) > TAGS_PER_REQUEST:
        raise Invalid(
            f"{len(names):,} tags in one request; the limit is {TAGS_PER_REQUEST:,}.", field=field
        )
    return unique_legal(names, field=field)


def entries_of(agent: Agent, add: Iterable[Tag], remove: Iterable[Tag]) -> list[Entry]:
    """What history says of a delta."""
    return [
        Entry(op, agent.public_id, agent.name, tag.name)
        for op, tags in ((Op.ADD, add), (Op.REMOVE, remove))
        for tag in tags
    ]


def _apply(
    held: Held,
    add: Sequence[Tag],
    remove: Sequence[Tag],
    *,
    reason: str,
    undoes: int | None = None,
) -> TagsResult:
    if not add and not remove:
        return TagsResult(held.agent, held.names)
    at = held.touch()
    act = Act.TAGS if undoes is None else Act.UNDO
    change_set = history.open_change_set(
        actor=held.actor, act=act, reason=reason, undoes=undoes, at=at
    )
    held.write_tags(add, remove, change_set)
    held.agent.save(update_fields=MOVED)
    history.record(change_set, entries_of(held.agent, add, remove))
    tagrows.move_counts(add, remove, change_set)
    return TagsResult(
        held.agent,
        held.names,
        [tag.name for tag in add],
        [tag.name for tag in remove],
        change_set,
    )
