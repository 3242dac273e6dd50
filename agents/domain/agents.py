"""Writes of agents: create (one or many), edit, delete."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from agents.actors import Actor, Power
from agents.domain import edits, guard, history, search, tagrows
from agents.domain.agentblocks import attach_existing, make_blocks
from agents.domain.agentidentities import set_identities
from agents.domain.history import Entry
from agents.domain.holds import MOVED, Held, hold
from agents.domain.newagents import AgentColumns, NewAgent, columns_of
from agents.domain.seq import KEYS, SPREAD, floor, next_seq, skip_past
from agents.domain.tags import entries_of, legal_set
from agents.domain.transactions import Moved, write
from agents.errors import Conflict, Invalid
from agents.jsontext import dumps
from agents.models import (
    Act,
    Agent,
    AgentBlock,
    AgentDetail,
    AgentIdentity,
    AgentTag,
    Block,
    ChangeSet,
    Op,
    Tag,
    Tombstone,
)
from agents.tagnames import fold

_SEQ_ATTEMPTS = 8


def create_agent(spec: NewAgent, *, actor: Actor, act: Act = Act.CREATE, reason: str = "") -> Agent:
    """Make one agent. Raises as `create_agents` does."""
    return create_agents([spec], actor=actor, act=act, reason=reason)[0]


@write
def create_agents(
    specs: Sequence[NewAgent], *, actor: Actor, act: Act = Act.CREATE, reason: str = ""
) -> list[Agent]:
    """Make agents with their tags and blocks, all or none, as one change-set.

    A tag-limited actor's agents get its tag. Raises Invalid, BadRequest, NotAllowed, Conflict (an
    id that is taken), NotFound (a block to attach).
    """
    actor.require(Power.WRITE, "create agents")
    columns = [columns_of(spec) for spec in specs]
    tags_of = [_tags_of(spec, actor) for spec in specs]
    rows = tagrows.ensure({name for names in tags_of for name in names})
    guard.check_new(actor, rows.values())
    now = timezone.now()
    carried = [[rows[name] for name in names] for names in tags_of]
    agents = _insert(specs, columns, carried, now)
    change_set = history.open_change_set(actor=actor, act=act, reason=reason, at=now)
    added = _tag_new(agents, carried, change_set)
    shared: dict[str, Block] = {}
    for agent, spec in zip(agents, specs, strict=True):
        make_blocks(agent, spec.blocks, at=now, shared=shared)
        attach_existing(agent, spec.block_ids, actor=actor)
        if spec.identity_ids:
            set_identities(agent, spec.identity_ids, actor=actor)
    entries = [Entry(Op.CREATE, agent.public_id, agent.name) for agent in agents]
    for agent, tags in zip(agents, carried, strict=True):
        entries += entries_of(agent, tags, [])
    history.record(change_set, entries)
    # Last, and not before the agents as other writes do: nobody can know of these agents yet, and
    # a tag that every new agent gets is locked for two statements instead of ten.
    tagrows.lock_same(rows.values())
    tagrows.count_added(added, change_set)
    return agents


@write
def update_agent(
    *,
    agent_id: str,
    edit: edits.AgentEdit,
    tags: list[object] | None = None,
    identity_ids: list[str] | None = None,
    actor: Actor,
    reason: str = "",
    if_match: str | None = None,
) -> Agent:
    """Change an agent's own fields, and its whole set of tags, or of identities, where given.

    What is so already is not recorded. Raises Invalid, BadRequest, NotFound, NotAllowed,
    PreconditionFailed.
    """
    actor.require(Power.WRITE, "edit agents")
    wanted = None if tags is None else legal_set(tags)
    held = hold(agent_id, actor=actor, make=wanted or (), whole=wanted is not None)
    held.require_version(if_match)
    add: list[Tag] = []
    remove: list[Tag] = []
    if wanted is not None:
        add, remove = held.delta(wanted, held.others(wanted))
    changed = edits.apply(edit, held.agent)
    if identity_ids is not None:
        changed += set_identities(held.agent, identity_ids, actor=actor)
    if not (changed or add or remove):
        return held.agent
    at = held.touch()
    act = Act.FIELDS if changed else Act.TAGS
    change_set = history.open_change_set(actor=actor, act=act, reason=reason, at=at)
    held.write_tags(add, remove, change_set)
    held.agent.save(update_fields=None if changed else MOVED)
    history.record(change_set, changed + entries_of(held.agent, add, remove))
    if add or remove:
        tagrows.move_counts(add, remove, change_set)
    return held.agent


@write
def delete_agent(
    *, agent_id: str, actor: Actor, reason: str = "", if_match: str | None = None
) -> None:
    """Delete an agent for good. Its tags, history and a tombstone tell that it was.

    Raises NotFound, NotAllowed, PreconditionFailed.
    """
    actor.require(Power.WRITE, "delete agents")
    held = hold(agent_id, actor=actor, whole=True)
    held.require_version(if_match)
    guard.check_delete(actor, held.carried.values())
    bury(held, history.open_change_set(actor=actor, act=Act.DELETE, reason=reason))


def bury(held: Held, change_set: ChangeSet) -> None:
    """Delete an agent that is held with all its tags, and record it."""
    agent, actor = held.agent, held.actor
    tags = [held.carried[name] for name in held.names]
    history.record(
        change_set,
        [Entry(Op.DELETE, agent.public_id, agent.name), *entries_of(agent, [], tags)],
    )
    held.write_tags([], tags, change_set)
    # One of an agent that had the same id (or key) before: it came back by an import.
    Tombstone.objects.filter(Q(seq=agent.seq) | Q(public_id=agent.public_id)).delete()
    Tombstone.objects.create(
        seq=agent.seq,
        public_id=agent.public_id,
        name=agent.name,
        updated_at=agent.updated_at,
        deleted_at=change_set.created_at,
        deleted_by=actor.name,
        tags=dumps([tag.name for tag in tags]),
        change_set_id=change_set.id,
    )
    search.forget_rows(search.AGENT_INDEX, [agent.seq])
    AgentBlock.objects.filter(agent=agent).delete()
    AgentIdentity.objects.filter(agent=agent).delete()
    AgentDetail.objects.filter(agent=agent).delete()
    # Not agent.delete(): Django would collect every related row first, and all are gone.
    Agent.objects.filter(seq=agent.seq)._raw_delete(using="default")
    if tags:
        tagrows.move_counts([], tags, change_set)


def _tags_of(spec: NewAgent, actor: Actor) -> list[str]:
    names = legal_set([*spec.tags, *([actor.limit] if actor.limit is not None else [])])
    if len(names) > settings.MAX_TAGS_PER_AGENT:
        raise Invalid(
            f"An agent has at most {settings.MAX_TAGS_PER_AGENT:,} tags; this one has "
            f"{len(names):,}.",
            field="tags",
        )
    return names


def _insert(
    specs: Sequence[NewAgent],
    columns: Sequence[AgentColumns],
    carried: Sequence[Sequence[Tag]],
    now: datetime,
) -> list[Agent]:
    """Insert agents and their wide parts; a key that another process chose is chosen anew."""
    agents = [
        Agent(
            public_id=spec.public_id or f"agent-{uuid4()}",
            name_folded=fold(column.narrow["name"]),
            created_at=spec.created_at or now,
            updated_at=spec.updated_at or spec.created_at or now,
            tag_count=len(tags),
            user_tag_count=sum(tag.names_user for tag in tags),
            **column.narrow,
        )
        for spec, column, tags in zip(specs, columns, carried, strict=True)
    ]
    _insert_keyed(agents)
    AgentDetail.objects.bulk_create(
        AgentDetail(agent=agent, **column.wide)
        for agent, column in zip(agents, columns, strict=True)
    )
    search.index_rows(search.AGENT_INDEX, [(agent.seq, agent.name_folded) for agent in agents])
    return agents


def _insert_keyed(agents: Sequence[Agent]) -> None:
    for attempt in range(_SEQ_ATTEMPTS):
        for agent in agents:
            agent.seq = next_seq(agent.created_at)
        try:
            with transaction.atomic():
                Agent.objects.bulk_create(agents)
            return
        except IntegrityError:
            _refuse_taken([agent.public_id for agent in agents])
            for moment in {agent.created_at for agent in agents}:
                skip_past(moment, _highest_key(moment, attempt))
    raise Moved  # others take the keys of this moment as fast


def _refuse_taken(ids: Sequence[str]) -> None:
    """Raise Conflict if one of the ids is given twice, or an agent has it."""
    twice = [public_id for public_id, count in Counter(ids).items() if count > 1]
    taken = Agent.objects.filter(public_id__in=ids).values_list("public_id", flat=True)
    if first := next(iter(twice), None) or taken.first():
        raise Conflict(f"There is an agent with ID {first} already.")


def _highest_key(moment: datetime, attempt: int) -> int:
    """The highest key in use among those an agent created at `moment` may have."""
    lowest = floor(moment)
    # Agents of an earlier moment may have run over into this one's keys: more are passed over
    # with each attempt, at the cost of an order that is right to some microseconds only.
    own = Q(created_at=moment, seq__lt=lowest + SPREAD)
    near = Q(seq__lt=lowest + (KEYS << 4 * attempt))
    keys = Agent.objects.filter(own | near, seq__gte=lowest).order_by("-seq")
    return keys.values_list("seq", flat=True).first() or lowest - 1


def _tag_new(
    agents: Sequence[Agent], carried: Sequence[Sequence[Tag]], change_set: ChangeSet
) -> list[AgentTag]:
    """Write the rows between new agents and their tags; the caller counts them."""
    rows = [
        AgentTag(
            tag_id=tag.id,
            agent_id=agent.seq,
            added_at=change_set.created_at,
            change_set_id=change_set.id,
        )
        for agent, tags in zip(agents, carried, strict=True)
        for tag in tags
    ]
    return AgentTag.objects.bulk_create(rows, batch_size=5000)
