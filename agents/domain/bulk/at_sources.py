"""Delete the agents of an off-boarded user at their sources, before each batch deletes them here.

Nothing is locked while a source is asked. What is to go there is written down first, so that a run that
was interrupted deletes memory whose agent is gone already.
"""

from collections.abc import Sequence
from uuid import UUID

from django.utils import timezone

from agents.core.actors import Actor
from agents.core.errors import Busy, NotFound, SourceUnavailable
from agents.domain.bulk.planning import actor_of_plan
from agents.domain.bulk.rights import with_current_rights
from agents.domain.bulk.whole_tag import next_agents
from agents.domain.core.transactions import write
from agents.domain.sources.deletion import delete
from agents.domain.sources.deletion.files import MemoryThere, memory_there
from agents.domain.tags.locks import LockedAgent
from agents.models import (
    Agent,
    AgentSource,
    BulkOp,
    BulkPlan,
    BulkState,
    Offboarding,
    OffboardingItem,
    Seen,
    Tag,
)

_DELETED = "deleted"  # the action of items that are to go
_ASKED = "deleted at the source"  # in `why`: the source confirmed it


def clear_next(plan_id: UUID | str) -> None:
    """Delete at their sources the agents of the next batch. Raises SourceUnavailable, NotAllowed."""
    plan = BulkPlan.objects.filter(id=plan_id, op=BulkOp.OFFBOARD_AGENTS).first()
    if plan is None or plan.state != BulkState.RUNNING:
        return
    row = Offboarding.objects.filter(plan_id=plan.id).first()
    if row is None:
        return
    actor = with_current_rights(actor_of_plan(plan))
    found = Agent.objects.filter(seq__in=next_agents(plan), source__isnull=False)
    users = Tag.objects.filter(ends_in=plan.id, names_user=True).count()  # 1, but for a label 0
    for agent in found.filter(user_tag_count__lte=users).select_related("source"):
        if agent.source is not None:
            clear(row, agent.public_id, str(agent.name), agent.source, actor)


def clear(row: Offboarding, agent_id: str, name: str, source: AgentSource, actor: Actor) -> None:
    """Delete one agent and the memory that only it has at its source. Raises SourceUnavailable."""
    item = row.items.filter(kind="agents", public_id=agent_id, place=source.name).first()
    try:
        if item is None or item.why != _ASKED:
            _list(row, agent_id, name, source, _memory(source, agent_id), actor=actor)
            delete.delete_there(source=source, agent_id=agent_id)
            _note(row, source, [agent_id], actor=actor)
        waiting = row.items.exclude(kind="agents").filter(place=source.name, action=_DELETED)
        for block_id in waiting.exclude(why=_ASKED).values_list("public_id", flat=True):
            delete.delete_block_there(source=source, block_id=block_id)
            _note(row, source, [block_id], actor=actor)
    except SourceUnavailable as error:
        _not_reachable(row, agent_id, name, source, error.message, actor=actor)
        raise


def require_cleared(plan: BulkPlan, agents: Sequence[LockedAgent]) -> None:
    """Raise Busy if one of these agents of a source was not deleted there yet."""
    ids = [locked.agent.public_id for locked in agents if locked.agent.source_id is not None]
    done = OffboardingItem.objects.filter(
        offboarding__plan_id=plan.id, kind="agents", public_id__in=ids, why=_ASKED
    )
    if len(ids) > done.count():
        raise Busy("Agents of a source must be deleted there first. Try again.")


def _memory(source: AgentSource, agent_id: str) -> list[MemoryThere]:
    try:
        return memory_there(source=source, agent_id=agent_id)
    except NotFound:  # it is gone there already
        return []


@write
def _list(
    row: Offboarding,
    agent_id: str,
    name: str,
    source: AgentSource,
    memory: Sequence[MemoryThere],
    *,
    actor: Actor,
) -> None:
    """Write down what is to go, and what stays, before the source is asked."""
    things = [OffboardingItem(kind="agents", public_id=agent_id, label=name, action=_DELETED)]
    things += [
        OffboardingItem(
            kind=block.kind,
            public_id=block.id,
            action="kept" if block.shared else _DELETED,
        )
        for block in memory
    ]
    for thing in things:
        thing.offboarding, thing.place = row, source.name
    OffboardingItem.objects.bulk_create(things, ignore_conflicts=True)


@write
def _note(row: Offboarding, source: AgentSource, ids: Sequence[str], *, actor: Actor) -> None:
    row.items.filter(public_id__in=ids, place=source.name).update(why=_ASKED, seen=Seen.WAITING)


@write
def _not_reachable(
    row: Offboarding, agent_id: str, name: str, source: AgentSource, why: str, *, actor: Actor
) -> None:
    """Say in the receipt what was tried in vain."""
    item = OffboardingItem(
        offboarding=row, kind="agents", public_id=agent_id, label=name, place=source.name,
        action=_DELETED,
    )  # fmt: skip
    OffboardingItem.objects.bulk_create([item], ignore_conflicts=True)
    waiting = row.items.filter(place=source.name, action=_DELETED).exclude(why=_ASKED)
    waiting.update(seen=Seen.NOT_REACHABLE, seen_at=timezone.now(), why=why)
