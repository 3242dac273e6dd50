"""Read crossings: memory blocks and identities that agents of several users share."""

from collections.abc import Collection
from dataclasses import dataclass, field

from django.db.models import Exists, F, OuterRef, QuerySet

from agents.core.actors import Actor
from agents.models import (
    AgentBlock,
    AgentIdentity,
    AgentTag,
    Block,
    Crossing,
    CrossingKind,
    Identity,
    SourcedBlock,
)

# Agents of one thing that are looked at. With more, users who only have later agents are not seen.
AGENTS_LOOKED = 1_000
_USERS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Shared:
    """A crossing as it is now: the thing's name, its users, and how many agents were looked at."""

    row: Crossing
    title: str
    # The source that has the memory block, or "".
    place: str = ""
    users: list[str] = field(default_factory=list)
    agents: int = 0
    more_agents: bool = False

    @property
    def first_users(self) -> list[str]:
        return self.users[:_USERS_SHOWN]

    @property
    def more_users(self) -> int:
        return len(self.users) - len(self.first_users)


@dataclass(frozen=True, slots=True)
class CrossingPage:
    """A page of crossings, newest first. `after` is the place of the next one, or None."""

    rows: list[Shared]
    after: int | None


def crossing_page(
    *, actor: Actor, size: int, after: int | None = None, meant: bool = False
) -> CrossingPage:
    """Crossings that still are, and are (not) meant. Limited actors may not ask.

    Reads up to `size` + 1 stored rows and up to AGENTS_LOOKED agents of each.
    """
    actor.require_unlimited("may not see crossings")
    rows = Crossing.objects.filter(meant_reason__isnull=not meant).order_by("-id")
    if after is not None:
        rows = rows.filter(id__lt=after)
    found = list(rows[: size + 1])
    last = found[size - 1].id if len(found) > size else None
    return CrossingPage([one for row in found[:size] if (one := now(row)) is not None], last)


def now(row: Crossing) -> Shared | None:
    """The crossing as it is now, or None if it no longer is one."""
    users, agents, more = users_of(CrossingKind(row.kind), row.public_id, row.source_id)
    if len(users) < 2 or agents < 2:
        return None
    if row.source_id:
        links = SourcedBlock.objects.filter(source_id=row.source_id, block_id=row.public_id)
        found = links.values_list("label", "source__name").first()
        title, place = found or ("", "")
        return Shared(row, title, place, users, agents, more)
    model = Block if row.kind == CrossingKind.BLOCK else Identity
    column = "label" if row.kind == CrossingKind.BLOCK else "name"
    name = model._default_manager.filter(public_id=row.public_id).values_list(column, flat=True)
    return Shared(row, str(name.first() or ""), "", users, agents, more)


def users_of(
    kind: CrossingKind, public_id: str, source_id: int = 0, *, without: int | None = None
) -> tuple[list[str], int, bool]:
    """The users of a thing's agents, how many agents were looked at, and whether there are more.

    The agent whose key is `without` is left out.
    """
    seqs = _agents_of(kind, public_id, source_id, AGENTS_LOOKED + 1)
    looked = [seq for seq in seqs[:AGENTS_LOOKED] if seq != without]
    rows = AgentTag.objects.filter(agent_id__in=looked, tag__names_user=True)
    users = sorted(rows.values_list("tag__name", flat=True).distinct())
    return users, len(looked), len(seqs) > AGENTS_LOOKED


def _agents_of(kind: CrossingKind, public_id: str, source_id: int, most: int) -> list[int]:
    if source_id:
        links = SourcedBlock.objects.filter(source_id=source_id, block_id=public_id)
        return list(links.order_by("agent_id").values_list("agent_id", flat=True)[:most])
    if kind is CrossingKind.BLOCK:
        blocks = AgentBlock.objects.filter(block__public_id=public_id).order_by("agent_id")
        return list(blocks.values_list("agent_id", flat=True)[:most])
    identities = AgentIdentity.objects.filter(identity__public_id=public_id).order_by("agent_id")
    return list(identities.values_list("agent_id", flat=True)[:most])


def shared_by(seqs: Collection[int]) -> list[tuple[CrossingKind, str, int]]:
    """The things of these agents that another agent has too: kind, id, and the source or 0."""
    of_block = AgentBlock.objects.filter(block_id=OuterRef("block_id")).exclude(
        agent_id=OuterRef("agent_id")
    )
    blocks = AgentBlock.objects.filter(Exists(of_block), agent_id__in=seqs)
    of_identity = AgentIdentity.objects.filter(identity_id=OuterRef("identity_id")).exclude(
        agent_id=OuterRef("agent_id")
    )
    identities = AgentIdentity.objects.filter(Exists(of_identity), agent_id__in=seqs)
    return [
        *((CrossingKind.BLOCK, one, 0) for one in _distinct(blocks, "block__public_id")),
        *((CrossingKind.IDENTITY, one, 0) for one in _distinct(identities, "identity__public_id")),
        *shared_there(SourcedBlock.objects.filter(agent_id__in=seqs)),
    ]


def shared_there(links: QuerySet[SourcedBlock]) -> list[tuple[CrossingKind, str, int]]:
    """The memory blocks of these links that another agent has too at the same source."""
    others = SourcedBlock.objects.filter(
        source_id=OuterRef("source_id"), block_id=OuterRef("block_id")
    ).exclude(agent_id=OuterRef("agent_id"))
    found = links.filter(Exists(others)).values_list("block_id", "source_id")
    return [(CrossingKind.BLOCK, block_id, source_id) for block_id, source_id in sorted(set(found))]


def _distinct(rows: QuerySet[AgentBlock] | QuerySet[AgentIdentity], column: str) -> list[str]:
    return sorted(set(rows.annotate(one=F(column)).values_list("one", flat=True)))
