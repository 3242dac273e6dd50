"""Plan what an import does with a page of agents: create, change or skip each. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from agents.core.actors import Actor
from agents.core.errors import DomainError, LimitExceeded
from agents.core.json_text import loads
from agents.domain.agents.new import NewAgent, columns_of
from agents.domain.memory.new import checked_blocks
from agents.domain.tags.edit import require_legal_tags
from agents.domain.transfer import letta_blocks
from agents.domain.transfer.letta_state import SourceAgent, SourceBlock
from agents.models import Agent, ImportedAgent, ImportedBlock, ImportSource, Tombstone

_CONFLICT = "an agent with this ID exists in ADE and did not come from this source"
_CONNECTED = "belongs to a connected server, which keeps it in step"
_DELETED = "was deleted in ADE and is not created again"


@dataclass(frozen=True, slots=True)
class Creation:
    """An agent to create."""

    agent: SourceAgent
    spec: NewAgent


@dataclass(frozen=True, slots=True)
class AgentChange:
    """What changed at the source since the last import of an agent."""

    agent: SourceAgent
    row: ImportedAgent
    fields: bool
    add: list[str]
    remove: list[str]
    attach: list[SourceBlock]
    detach: list[str]
    edited: list[SourceBlock]

    def __bool__(self) -> bool:
        return bool(
            self.fields or self.add or self.remove or self.attach or self.detach or self.edited
        )


@dataclass(frozen=True, slots=True)
class Skipped:
    """An agent that is not imported, and why. `refused` if it breaks a rule or its ID is taken."""

    agent_id: str
    why: str
    refused: bool


@dataclass(slots=True)
class PagePlan:
    """What to do with the agents of a page; `same` is the number of unchanged ones."""

    new: list[Creation] = field(default_factory=list)
    changes: list[AgentChange] = field(default_factory=list)
    same: int = 0
    skipped: list[Skipped] = field(default_factory=list)


def plan_page(
    agents: Sequence[SourceAgent], *, source: ImportSource, actor: Actor, tags: list[str]
) -> PagePlan:
    """Compare agents with those in ADE and with the last import."""
    wanted = {agent.id: agent for agent in agents}  # if one occurs twice, the last one
    rows = ImportedAgent.objects.filter(source=source, public_id__in=wanted)
    by_id = {row.public_id: row for row in rows}
    visible = Agent.objects.visible_to(actor).filter(public_id__in=wanted)
    here, connected = _ids(visible), _ids(visible.exclude(source=None))
    buried = _ids(Tombstone.objects.filter(public_id__in=wanted))
    blocks = letta_blocks.known(source, {b.id for agent in agents for b in agent.own_blocks})
    plan = PagePlan()
    for public_id, agent in wanted.items():
        row = by_id.get(public_id)
        if public_id in connected:
            plan.skipped.append(Skipped(public_id, _CONNECTED, refused=False))
        elif public_id in here and row is None:
            plan.skipped.append(Skipped(public_id, _CONFLICT, refused=True))
        elif public_id not in here and (row or public_id in buried):
            plan.skipped.append(Skipped(public_id, _DELETED, refused=False))
        else:
            _place(plan, agent, row, blocks, tags)
    return plan


def _ids(rows: QuerySet[Any]) -> set[str]:
    return set(rows.values_list("public_id", flat=True))


def _place(
    plan: PagePlan,
    agent: SourceAgent,
    row: ImportedAgent | None,
    blocks: dict[str, ImportedBlock],
    tags: list[str],
) -> None:
    """Add an agent to the plan."""
    try:
        if row is None:
            plan.new.append(Creation(agent, _checked(agent, tags)))
        elif change := _change(agent, row, blocks):
            _checked(agent, [])
            plan.changes.append(change)
        else:
            plan.same += 1
    except DomainError as error:
        plan.skipped.append(Skipped(agent.id, error.message, refused=True))


def _checked(agent: SourceAgent, tags: list[str]) -> NewAgent:
    """Return the agent to create. Raises Invalid or BadRequest if it breaks a rule by itself.

    The write checks again. This check keeps one bad agent from failing its whole page.
    """
    spec = agent.new(tags=tags)
    columns_of(spec)
    checked_blocks([block.new() for block in agent.own_blocks])
    if len(require_legal_tags(spec.tags)) > settings.MAX_TAGS_PER_AGENT:
        raise LimitExceeded(
            f"An agent has at most {settings.MAX_TAGS_PER_AGENT:,} tags; this one has "
            f"{len(spec.tags):,}.",
            field="tags",
        )
    return spec


def _change(
    agent: SourceAgent, row: ImportedAgent, known: dict[str, ImportedBlock]
) -> AgentChange | None:
    """Return what changed at the source since the last import; None if nothing did."""
    then, now = loads(row.tags), agent.tags
    blocks_then = set(loads(row.blocks))
    blocks = agent.own_blocks
    change = AgentChange(
        agent=agent,
        row=row,
        fields=agent.digest != row.digest,
        add=sorted(set(now) - set(then)),
        remove=sorted(set(then) - set(now)),
        attach=[block for block in blocks if block.id not in blocks_then],
        detach=sorted(blocks_then - {block.id for block in blocks}),
        edited=[b for b in blocks if b.id in known and known[b.id].digest != b.digest],
    )
    return change if change else None
