"""The trash: keep a deleted agent for some days, restore it whole, or remove it for good.

Only pages show the trash. For API keys a deleted agent is gone. TRASH_DAYS says how long agents are
kept; 0 switches the trash off.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.utils import timezone

from agents.core.actors import Actor, Power
from agents.core.errors import Conflict, LimitExceeded, NotFound
from agents.core.json_text import dumps, loads
from agents.core.limits import TRASH_AT_ONCE
from agents.core.tag_text import shown, text_problem
from agents.domain.core import permissions, record, search_index
from agents.domain.core.record import Entry
from agents.domain.core.sequence import next_seq
from agents.domain.core.transactions import RowsChanged, write
from agents.domain.tags import second_owner, tag_rows
from agents.domain.tags.edit import tag_entries
from agents.models import (
    Act,
    Agent,
    AgentBlock,
    AgentDetail,
    AgentIdentity,
    AgentSource,
    AgentTag,
    Block,
    Change,
    ChangeSet,
    Identity,
    Op,
    Tag,
    Tombstone,
    TrashedAgent,
    TrashedFile,
    TrashedTag,
)
from agents.queries.agents.trash import visible_trash

M = TypeVar("M", bound=Model)
# Fields of the history of an agent that its source made again. Their value is the other id.
RESTORED_AS, RESTORED_FROM = "restored as", "restored from"
# Fields of an agent that may say anything about its user.
_FREE_TEXTS = ("description", "system", "metadata", "secrets")
_EXPIRED_AT_ONCE = 20  # old entries that one deletion removes in passing


@dataclass(frozen=True, slots=True)
class Restored:
    """Restored agents, and the change-set that says so."""

    agents: list[Agent]
    change_set: ChangeSet


def own_blocks(agents: Collection[Agent]) -> list[Block]:
    """Lock and return the memory blocks that only these agents have. The agents are locked."""
    mine = AgentBlock.objects.filter(agent__in=agents).values("block_id")
    blocks = Block.objects.select_for_update().filter(id__in=mine).order_by("id")
    locked = {block.id: block for block in blocks}
    others = AgentBlock.objects.filter(block_id__in=locked).exclude(agent__in=agents)
    shared = set(others.values_list("block_id", flat=True))
    return [block for key, block in locked.items() if key not in shared]


def count_own_blocks(agent: Agent) -> int:
    """How many memory blocks only this agent has."""
    own = AgentBlock.objects.filter(agent=agent)
    others = AgentBlock.objects.filter(block_id=OuterRef("block_id")).exclude(agent=agent)
    return own.exclude(Exists(others)).count()


def keep(
    agents: Sequence[Agent],
    tags_of: Mapping[int, Sequence[Tag]],
    own: Sequence[Block],
    change_set: ChangeSet,
) -> None:
    """Put locked agents, with their tags by seq, into the trash. The caller then deletes their rows.

    `own` are the memory blocks that no other agent has: the trash keeps their contents.
    """
    if not settings.TRASH_DAYS:
        return
    at = change_set.created_at
    states, given_by = _states(agents, own), _given_by(agents)
    TrashedAgent.objects.filter(public_id__in=[agent.public_id for agent in agents]).delete()
    sources = dict(AgentSource.objects.values_list("id", "name"))
    rows = [
        TrashedAgent(
            seq=agent.seq,
            public_id=agent.public_id,
            name=agent.name,
            state=dumps(states[agent.seq]),
            block_count=sum(content is not None for _, content in states[agent.seq]["blocks"]),
            deleted_at=at,
            deleted_by=change_set.actor_name,
            change_set_id=change_set.id,
            purge_at=at + timedelta(days=settings.TRASH_DAYS),
            source_name=sources.get(agent.source_id or 0),
        )
        for agent in agents
    ]
    TrashedAgent.objects.bulk_create(rows)
    TrashedTag.objects.bulk_create(
        TrashedTag(agent=row, name=tag.name, change_set_id=given_by.get((row.seq, tag.id)))
        for row in rows
        for tag in tags_of[row.seq]
    )
    _purge_expired(_EXPIRED_AT_ONCE)


def _states(agents: Sequence[Agent], own: Sequence[Block]) -> dict[int, dict[str, Any]]:
    """What the trash keeps of each agent, by seq."""
    own_ids = {block.id for block in own}
    details = AgentDetail.objects.in_bulk([agent.seq for agent in agents])
    states: dict[int, dict[str, Any]] = {
        agent.seq: {
            "agent": _columns(agent, "source_id"),  # restored, it is kept here
            "detail": _columns(details[agent.seq], "agent_id"),
            "blocks": [],
            "identities": [],
        }
        for agent in agents
    }
    links = AgentBlock.objects.filter(agent__in=states).select_related("block")
    for link in links.order_by("block_id"):
        content = _columns(link.block) if link.block_id in own_ids else None
        states[link.agent_id]["blocks"].append([link.block.public_id, content])
    linked = AgentIdentity.objects.filter(agent__in=states)
    for seq, public_id in linked.values_list("agent_id", "identity__public_id"):
        states[seq]["identities"].append(public_id)
    return states


def _given_by(agents: Sequence[Agent]) -> dict[tuple[int, int], int]:
    """The change-sets that gave the agents their tags, by seq and the tag's id."""
    rows = AgentTag.objects.filter(agent__in=[agent.seq for agent in agents])
    columns = ("agent_id", "tag_id", "change_set_id")
    return {(seq, tag_id): given for seq, tag_id, given in rows.values_list(*columns)}


@write
def restore(
    *,
    agent_ids: Collection[str],
    actor: Actor,
    reason: str = "",
    into: ChangeSet | None = None,
    made: Mapping[str, str] | None = None,
) -> Restored:
    """Restore agents from the trash, all or none: the same ids, tags, memory and identities.

    Tags that were renamed or merged meanwhile have their new names, and deleted ones are created again.
    Shared memory blocks and identities that were deleted meanwhile stay away. `made` are the new ids of
    agents that their source has made again, with their memory. Records it in the
    change-set `into`, or in a new one. Raises NotFound, NotAllowed,
    Conflict (an id is in use again, or a tag is ending), Invalid (more than TRASH_AT_ONCE agents).
    """
    actor.require(Power.WRITE, "restore agents")
    rows = _lock(agent_ids, actor)
    names_of = _tags_of(rows)
    for names in names_of.values():
        permissions.check_delete(actor, names)  # who may delete an agent may restore it
    new_ids = {row.public_id: (made or {}).get(row.public_id, row.public_id) for row in rows}
    used = Agent.objects.filter(public_id__in=new_ids.values())
    if taken := used.values_list("public_id", flat=True).first():
        raise Conflict(f"An agent with ID {taken} exists again, so the old one cannot be restored.")
    every = {name for names in names_of.values() for name in names}
    tags = {tag.name: tag for tag in tag_rows.lock_or_create(every)}
    tag_rows.require_not_ending(tags.values())
    change_set = into or record.open_change_set(actor=actor, act=Act.RESTORE, reason=reason)
    at = timezone.now()  # a bulk change may have started an hour ago
    entries: list[Entry] = []
    agents = []
    for row in rows:
        carried = [tags[name] for name in names_of[row.seq]]
        agent = _insert(row, carried, new_ids[row.public_id])
        second_owner.check_new(agent, refuse=False)
        entries.append(Entry(Op.CREATE, agent.public_id, agent.name))
        entries += link(row, agent)
        entries += tag_entries(agent, carried, [], {})
        tag_rows.put_on(((tag.id, agent.seq) for tag in carried), change_set, at)
        agents.append(agent)
    record.record(change_set, entries, at=at)
    forget([row.seq for row in rows])
    counts = {
        tag.id: sum(name in names for names in names_of.values()) for name, tag in tags.items()
    }
    tag_rows.raise_counts({key: count for key, count in counts.items() if count}, change_set)
    return Restored(agents, change_set)


def link(row: TrashedAgent, agent: Agent) -> list[Entry]:
    """Let the page of an old id lead to the agent that its source made again. Returns entries for history."""
    if agent.public_id == row.public_id:
        return []
    Tombstone.objects.filter(public_id=row.public_id).update(restored_as=agent.public_id)
    return [
        Entry(Op.SET, row.public_id, row.name, field=RESTORED_AS, new=agent.public_id),
        Entry(Op.SET, agent.public_id, agent.name, field=RESTORED_FROM, new=row.public_id),
    ]


@write
def purge(*, agent_ids: Collection[str], actor: Actor, reason: str = "") -> int:
    """Remove agents from the trash for good, and their memory from the history. For managers.

    Raises NotFound, NotAllowed, Invalid (more than TRASH_AT_ONCE agents).
    """
    actor.require(Power.MANAGE, "delete agents for good")
    rows = _lock(agent_ids, actor)
    change_set = record.open_change_set(actor=actor, act=Act.PURGE, reason=reason)
    record.record(
        change_set,
        [Entry(Op.SET, row.public_id, row.name, field="trash", old=row.name) for row in rows],
    )
    forget_memory([row.public_id for row in rows])
    return forget([row.seq for row in rows])


@write
def purge_expired(*, actor: Actor) -> int:
    """Remove up to TRASH_AT_ONCE agents whose days in the trash are over. Returns how many."""
    actor.require(Power.MANAGE, "empty the trash")
    return _purge_expired(TRASH_AT_ONCE)


def purge_user(name: str) -> int:
    """Remove the agents of a user tag from the trash for good. Call it in the write that ends the tag."""
    own = TrashedTag.objects.filter(name=name).values("agent_id")
    rows = dict(TrashedAgent.objects.filter(seq__in=own).values_list("seq", "public_id"))
    forget_memory(rows.values())
    return forget(rows)


def _purge_expired(most: int) -> int:
    over = TrashedAgent.objects.filter(purge_at__lte=timezone.now()).order_by("purge_at")
    # Another write may be removing the same rows.
    rows = dict(over.select_for_update(skip_locked=True).values_list("seq", "public_id")[:most])
    forget_memory(rows.values())
    return forget(rows)


def forget_memory(agent_ids: Iterable[str]) -> None:
    """Remove memory and other free text from the history of deleted agents. That it changed stays."""
    free = Q(field__startswith="block ") | Q(field__in=_FREE_TEXTS)
    Change.objects.filter(free, agent_id__in=list(agent_ids)).update(old=None, new=None)


def _lock(agent_ids: Collection[str], actor: Actor) -> list[TrashedAgent]:
    """Lock entries that the actor sees, in the order of seq. Raises NotFound for the first one that is missing."""
    wanted = set(agent_ids)
    if len(wanted) > TRASH_AT_ONCE:
        raise LimitExceeded(
            f"{len(wanted):,} agents are too many at once; the limit is {TRASH_AT_ONCE:,}.",
            field="agents",
        )
    legal = [agent_id for agent_id in wanted if not text_problem(agent_id)]
    rows = visible_trash(actor).filter(public_id__in=legal, purge_at__gt=timezone.now())
    found = list(rows.select_for_update(no_key=True).order_by("seq"))
    there = {row.public_id for row in found}
    for agent_id in agent_ids:
        if agent_id not in there:
            raise NotFound(f"There is no agent with ID {shown(agent_id)} in the trash.")
    return found


def _tags_of(rows: Sequence[TrashedAgent]) -> dict[int, list[str]]:
    names: dict[int, set[str]] = {row.seq: set() for row in rows}
    for seq, name in TrashedTag.objects.filter(agent__in=rows).values_list("agent_id", "name"):
        names[seq].add(name)
    return {seq: sorted(found) for seq, found in names.items()}


def _insert(row: TrashedAgent, tags: Sequence[Tag], public_id: str) -> Agent:
    """Insert the agent with its details, memory and identities, but without its tags."""
    state = loads(row.state)
    agent = _made(Agent, state["agent"])
    renewed = public_id != row.public_id
    agent.public_id = public_id
    agent.version += 1
    agent.source_id = None  # it no longer runs there
    agent.tag_count = len(tags)
    agent.user_tag_count = sum(tag.names_user for tag in tags)
    if renewed or Agent.objects.filter(seq=agent.seq).exists():
        agent.seq = next_seq(agent.created_at)
        if Agent.objects.filter(seq=agent.seq).exists():
            raise RowsChanged
    agent.save(force_insert=True)
    detail = _made(AgentDetail, state["detail"])
    detail.agent = agent
    detail.save(force_insert=True)
    search_index.index_rows(search_index.AGENT_INDEX, [(agent.seq, agent.name_folded)])
    if not renewed:  # else its memory is at the source
        _attach(agent, state["blocks"])
        Tombstone.objects.filter(public_id=agent.public_id).delete()
    identities = Identity.objects.filter(public_id__in=state["identities"])
    AgentIdentity.objects.bulk_create(
        AgentIdentity(agent=agent, identity=identity) for identity in identities
    )
    return agent


def _attach(agent: Agent, blocks: Sequence[tuple[str, dict[str, Any] | None]]) -> None:
    """Create the agent's own blocks again, and attach the shared ones that are still there."""
    there = {
        block.public_id: block
        for block in Block.objects.select_for_update(no_key=True)
        .filter(public_id__in=[public_id for public_id, _ in blocks])
        .order_by("id")
    }
    labels: set[str] = set()
    for public_id, columns in blocks:
        block = there.get(public_id)
        if block is None and columns is not None:
            # With its key it has its place in lists again.
            taken = Block.objects.filter(pk=columns.get("id") or 0).exists()
            block = _made(Block, {**columns, "id": None} if taken else columns)
            block.save(force_insert=True)
        # A shared block may have got a label that another block of this agent has.
        if block is not None and block.label not in labels:
            labels.add(block.label)
            AgentBlock.objects.create(agent=agent, block=block, label=block.label)


def forget_files(agent_ids: Iterable[str]) -> None:
    """Remove the agent files of these agents. What their source must still delete stays noted."""
    files = TrashedFile.objects.filter(public_id__in=list(agent_ids))
    files.filter(waiting=False).delete()
    files.update(file="")


def unused_files() -> QuerySet[TrashedFile]:
    """Files that were taken a day ago of agents that are not in the trash: their deletion failed."""
    kept = TrashedAgent.objects.filter(public_id=OuterRef("public_id"))
    old = timezone.now() - timedelta(days=1)
    return TrashedFile.objects.filter(~Exists(kept), taken_at__lt=old, waiting=False)


def forget(seqs: Iterable[int]) -> int:
    """Remove entries of the trash, with their agent files. Returns how many."""
    keys = list(seqs)
    forget_files(TrashedAgent.objects.filter(seq__in=keys).values_list("public_id", flat=True))
    TrashedTag.objects.filter(agent_id__in=keys).delete()
    # Not delete(): Django would first read the rows.
    TrashedAgent.objects.filter(seq__in=keys)._raw_delete(using="default")
    return len(keys)


def _columns(row: Model, *without: str) -> dict[str, Any]:
    """The stored columns of a row, as JSON values."""
    values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in values.items()
        if name not in without
    }


def _made(model: type[M], columns: dict[str, Any]) -> M:
    """Build an unsaved row. Columns that this version does not have are left out."""
    fields = {field.attname: field for field in model._meta.concrete_fields}
    return model(
        **{name: fields[name].to_python(v) for name, v in columns.items() if name in fields}
    )
