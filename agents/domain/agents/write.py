"""Create, edit and delete agents."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import uuid4

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from agents.core.actors import Actor, Power
from agents.core.errors import Conflict, Invalid, LimitExceeded, NotAllowed
from agents.core.json_text import dumps
from agents.core.tag_text import fold, shown
from agents.domain.agents import edit as edits
from agents.domain.agents import trash
from agents.domain.agents.new import AgentColumns, NewAgent, columns_of
from agents.domain.core import permissions, record, search_index
from agents.domain.core.record import Entry
from agents.domain.core.sequence import KEYS, SPREAD, floor, next_seq, skip_past
from agents.domain.core.transactions import RowsChanged, write
from agents.domain.identities.agent import set_identities
from agents.domain.memory.agent import attach_existing, make_blocks, set_blocks
from agents.domain.tags import crossing, second_owner, tag_rows
from agents.domain.tags.edit import require_legal_tags, tag_entries
from agents.domain.tags.locks import LockedAgent, lock_agent, lock_agents
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
    SourcedAgent,
    SourcedBlock,
    Tag,
    Tombstone,
)

_SEQ_ATTEMPTS = 8
# Fields of the history of a deleted agent. Their new value is the id of a memory block.
DELETED_MEMORY, KEPT_MEMORY = "memory block deleted", "memory block kept"


def create_agent(spec: NewAgent, *, actor: Actor, act: Act = Act.CREATE, reason: str = "") -> Agent:
    """Create one agent. Raises as `create_agents` does."""
    return create_agents([spec], actor=actor, act=act, reason=reason)[0]


@write
def create_agents(
    specs: Sequence[NewAgent],
    *,
    actor: Actor,
    act: Act = Act.CREATE,
    reason: str = "",
    refuse_second_owner: bool = True,
) -> list[Agent]:
    """Create agents with their tags and blocks, all or none, as one change-set.

    An actor limited to one tag gives its agents that tag. An actor limited to several must name one of
    them. `refuse_second_owner` is False for agents that another server has. Raises Invalid, BadRequest,
    NotAllowed, Conflict (an id is taken, or a second owner that the settings refuse), NotFound (a block to
    attach).
    """
    actor.require(Power.WRITE, "create agents")
    columns = [columns_of(spec) for spec in specs]
    tags_of = [_tags_of(spec, actor) for spec in specs]
    wanted = list(dict.fromkeys(name for names in tags_of for name in names))
    permissions.check_new_limited(actor, wanted)
    rows = tag_rows.get_or_create(wanted)
    permissions.check_new(actor, wanted, rows)
    now = timezone.now()
    carried = [[rows[name] for name in names] for names in tags_of]
    agents = _insert(specs, columns, carried, now)
    for agent in agents:
        second_owner.check_new(agent, refuse=refuse_second_owner)
    change_set = record.open_change_set(actor=actor, act=act, reason=reason, at=now)
    pairs = [(tag.id, a.seq) for a, tags in zip(agents, carried, strict=True) for tag in tags]
    tag_rows.put_on(pairs, change_set, now)
    blocks = ((agent, spec.blocks) for agent, spec in zip(agents, specs, strict=True))
    shared = make_blocks(blocks, at=now)
    tags_of_agents = {agent.seq: tags for agent, tags in zip(agents, carried, strict=True)}
    crossing.check_made(shared, tags_of_agents, actor, refuse=refuse_second_owner)
    for agent, spec in zip(agents, specs, strict=True):
        attach_existing(agent, spec.block_ids, actor=actor)
        if spec.identity_ids:
            set_identities(agent, spec.identity_ids, actor=actor)
    entries = [Entry(Op.CREATE, agent.public_id, agent.name) for agent in agents]
    for agent, tags in zip(agents, carried, strict=True):
        entries += tag_entries(agent, tags, [], {})
    for agent, spec in zip(agents, specs, strict=True):
        entries += _not_kept(agent, spec.not_kept)
    record.record(change_set, entries)
    # Counters are locked last. Other writes lock tags before agents, but nobody can see these agents yet,
    # and so a tag that every new agent gets is locked for two statements instead of ten.
    tag_rows.lock_unchanged(rows.values())
    tag_rows.raise_counts(Counter(tag_id for tag_id, _ in pairs), change_set)
    return agents


@write
def update_agent(
    *,
    agent_id: str,
    edit: edits.AgentEdit,
    tags: list[object] | None = None,
    identity_ids: list[str] | None = None,
    block_ids: list[str] | None = None,
    not_kept: Sequence[str] = (),
    actor: Actor,
    reason: str = "",
    if_match: str | None = None,
) -> Agent:
    """Change an agent's own fields, and its whole set of tags, identities or blocks, where given.

    Unchanged values are not recorded. `not_kept` are names of fields that the request has and ADE
    does not store, for history. Raises Invalid, BadRequest, NotFound, NotAllowed,
    PreconditionFailed.
    """
    actor.require(Power.WRITE, "edit agents")
    wanted = None if tags is None else require_legal_tags(tags)
    locked = lock_agent(agent_id, actor=actor, add=wanted or (), remove_others=wanted is not None)
    locked.require_version(if_match)
    add: list[Tag] = []
    remove: list[Tag] = []
    if wanted is not None:
        add, remove = locked.delta(wanted, locked.tags_except(wanted))
    changed = edits.apply(edit, locked.agent)
    if identity_ids is not None:
        changed += set_identities(locked.agent, identity_ids, actor=actor)
    if block_ids is not None:
        changed += set_blocks(locked.agent, block_ids, actor=actor)
    if not (changed or add or remove):
        if not_kept:
            change_set = record.open_change_set(actor=actor, act=Act.FIELDS, reason=reason)
            record.record(change_set, _not_kept(locked.agent, not_kept))
        return locked.agent
    at = locked.touch()
    act = Act.FIELDS if changed else Act.TAGS
    change_set = record.open_change_set(actor=actor, act=act, reason=reason, at=at)
    locked.write_tags(add, remove, change_set)
    if changed:
        locked.agent.save()
    else:
        locked.save_counts()
    record.record(
        change_set,
        [
            *changed,
            *tag_entries(locked.agent, add, remove, locked.added_at),
            *_not_kept(locked.agent, not_kept),
        ],
    )
    locked.update_counts(add, remove, change_set)
    return locked.agent


@write
def delete_agent(
    *,
    agent_id: str,
    actor: Actor,
    reason: str = "",
    if_match: str | None = None,
    keep_blocks: bool = False,
) -> None:
    """Delete an agent, and the memory blocks that only it has. The trash keeps both for TRASH_DAYS.

    Its tags, its history and a tombstone stay. With `keep_blocks` its memory blocks stay too, as on a
    Letta server. Raises NotFound, NotAllowed, PreconditionFailed.
    """
    actor.require(Power.WRITE, "delete agents")
    locked = lock_agent(agent_id, actor=actor, remove_others=True)
    locked.require_version(if_match)
    permissions.check_delete(actor, locked.names)
    change_set = record.open_change_set(actor=actor, act=Act.DELETE, reason=reason)
    bury([locked], change_set, keep_blocks=keep_blocks)


def lock_to_bury(agent_ids: Collection[str], actor: Actor) -> dict[str, LockedAgent]:
    """Lock agents with all their tags, by public id. Raises RowsChanged if one gains a tag meanwhile."""
    carried = AgentTag.objects.filter(agent__public_id__in=agent_ids)
    names = set(carried.values_list("tag__name", flat=True).distinct())
    locked = lock_agents(agent_ids, actor=actor, existing=names)
    if any(not one.locked_tags.keys() >= one.carried.keys() for one in locked.values()):
        raise RowsChanged
    return locked


def bury(
    agents: Sequence[LockedAgent],
    change_set: ChangeSet,
    *,
    for_good: bool = False,
    keep_blocks: bool = False,
) -> None:
    """Delete agents that are locked with all their tags, and record it.

    Memory blocks that only these agents have are deleted too, unless `keep_blocks` is given. The trash
    keeps both, unless they are deleted `for_good`.
    """
    gone = [locked.agent for locked in agents]
    if not gone:
        return
    ids, seqs = [agent.public_id for agent in gone], [agent.seq for agent in gone]
    own = [] if keep_blocks else trash.own_blocks(gone)
    tags_of = {locked.agent.seq: locked.all_tags for locked in agents}
    if for_good:
        trash.forget_memory(ids)
        trash.forget_files(ids)
    else:
        trash.keep(gone, tags_of, own, change_set)
    _record_deletions(agents, tags_of, own, change_set)
    AgentBlock.objects.filter(agent__in=seqs)._raw_delete(using="default")
    Block.objects.filter(id__in=[block.id for block in own])._raw_delete(using="default")
    _delete_rows(seqs)
    search_index.forget_rows(search_index.AGENT_INDEX, seqs)
    tag_rows.lower_counts(Counter(tag.id for tags in tags_of.values() for tag in tags))


def _record_deletions(
    agents: Sequence[LockedAgent],
    tags_of: Mapping[int, Sequence[Tag]],
    own: Sequence[Block],
    change_set: ChangeSet,
) -> None:
    born = record.births([locked.agent.public_id for locked in agents])
    memory = _memory_entries([locked.agent for locked in agents], own)
    entries = []
    for locked in agents:
        agent = locked.agent
        entries += [
            Entry(Op.DELETE, agent.public_id, agent.name, added_at=born.get(agent.public_id)),
            *tag_entries(agent, [], tags_of[agent.seq], locked.added_at),
            *memory[agent.seq],
        ]
    record.record(change_set, entries, at=timezone.now())  # a bulk change may be an hour old
    stones = [
        Tombstone(
            seq=locked.agent.seq,
            public_id=locked.agent.public_id,
            name=locked.agent.name,
            updated_at=locked.agent.updated_at,
            deleted_at=change_set.created_at,
            deleted_by=locked.actor.name,
            tags=dumps([tag.name for tag in tags_of[locked.agent.seq]]),
            change_set_id=change_set.id,
        )
        for locked in agents
    ]
    # An agent with the same id (or seq) may have been deleted before and imported again.
    same = Q(seq__in=[stone.seq for stone in stones])
    same |= Q(public_id__in=[stone.public_id for stone in stones])
    Tombstone.objects.filter(same).delete()
    Tombstone.objects.bulk_create(stones)


def _delete_rows(seqs: Sequence[int]) -> None:
    """Delete what belongs to these agents, and the agents. Their memory is deleted already.

    Not delete(): Django would first look for related rows.
    """
    for model in (AgentTag, AgentIdentity, AgentDetail, SourcedAgent, SourcedBlock):
        model._default_manager.filter(agent__in=seqs)._raw_delete(using="default")
    Agent.objects.filter(seq__in=seqs)._raw_delete(using="default")


def _memory_entries(agents: Sequence[Agent], own: Sequence[Block]) -> dict[int, list[Entry]]:
    """What happens to the memory of agents that are deleted, by seq: the ids of blocks, without texts."""
    gone = {block.id for block in own}
    found: dict[int, list[Entry]] = {agent.seq: [] for agent in agents}
    named = {agent.seq: (agent.public_id, agent.name) for agent in agents}
    links = AgentBlock.objects.filter(agent__in=named).order_by("agent_id", "block_id")
    for seq, block_id, public_id in links.values_list("agent_id", "block_id", "block__public_id"):
        what = DELETED_MEMORY if block_id in gone else KEPT_MEMORY
        found[seq].append(Entry(Op.SET, *named[seq], field=what, new=public_id))
    return found


def _not_kept(agent: Agent, names: Sequence[str]) -> list[Entry]:
    """The entry of history that names fields which ADE does not store."""
    if not names:
        return []
    text = ", ".join(names)
    return [Entry(Op.SET, agent.public_id, agent.name, field="not kept", new=text)]


def _tags_of(spec: NewAgent, actor: Actor) -> list[str]:
    names = _within(actor, require_legal_tags(spec.tags))
    if len(names) > settings.MAX_TAGS_PER_AGENT:
        raise LimitExceeded(
            f"An agent has at most {settings.MAX_TAGS_PER_AGENT:,} tags; this one has "
            f"{len(names):,}.",
            field="tags",
        )
    return names


def _within(actor: Actor, names: list[str]) -> list[str]:
    """Return the tags of a new agent, with one that lets its creator see it. Raises NotAllowed, Invalid."""
    reach = actor.reach
    if reach.everything or any(name in reach.tags for name in names):
        return names
    if reach.only_tag is not None:
        return require_legal_tags([*names, reach.only_tag])
    if not reach.tags:
        raise NotAllowed(f"{actor.limited_as} may not create agents.")
    choice = ", ".join(shown(name) for name in reach.tags)
    raise Invalid(f"Give the new agent at least one of these tags: {choice}.", field="tags")


def _insert(
    specs: Sequence[NewAgent],
    columns: Sequence[AgentColumns],
    carried: Sequence[Sequence[Tag]],
    now: datetime,
) -> list[Agent]:
    """Insert agents and their details. If another process took the same seq, new ones are chosen."""
    agents = [
        Agent(
            public_id=spec.public_id or f"agent-{uuid4()}",
            name_folded=fold(column.agent["name"]),
            created_at=spec.created_at or now,
            updated_at=spec.updated_at or spec.created_at or now,
            tag_count=len(tags),
            user_tag_count=sum(tag.names_user for tag in tags),
            **column.agent,
        )
        for spec, column, tags in zip(specs, columns, carried, strict=True)
    ]
    _insert_keyed(agents)
    AgentDetail.objects.bulk_create(
        AgentDetail(agent=agent, **column.detail)
        for agent, column in zip(agents, columns, strict=True)
    )
    search_index.index_rows(
        search_index.AGENT_INDEX, [(agent.seq, agent.name_folded) for agent in agents]
    )
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
    raise RowsChanged  # other writers take the keys of this moment just as fast


def _refuse_taken(ids: Sequence[str]) -> None:
    """Raise Conflict if an id occurs twice or is already taken."""
    twice = [public_id for public_id, count in Counter(ids).items() if count > 1]
    taken = Agent.objects.filter(public_id__in=ids).values_list("public_id", flat=True)
    if first := next(iter(twice), None) or taken.first():
        raise Conflict(f"An agent with ID {first} already exists.")


def _highest_key(moment: datetime, attempt: int) -> int:
    """Return the highest key in use in the range for agents created at `moment`."""
    lowest = floor(moment)
    # Agents of an earlier moment may use keys of this one. Each attempt skips more of them, at the cost
    # of an order that is exact only to some microseconds.
    own = Q(created_at=moment, seq__lt=lowest + SPREAD)
    near = Q(seq__lt=lowest + (KEYS << 4 * attempt))
    keys = Agent.objects.filter(own | near, seq__gte=lowest).order_by("-seq")
    return keys.values_list("seq", flat=True).first() or lowest - 1
