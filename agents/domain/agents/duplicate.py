"""Duplicate an agent."""

from dataclasses import replace
from typing import Any

from agents.core.actors import Actor, Power
from agents.core.json_text import loads
from agents.core.tag_text import shown
from agents.domain.agents.letta_fields import LETTA_TYPES
from agents.domain.agents.new import NewAgent
from agents.domain.agents.write import create_agent
from agents.domain.core.transactions import write
from agents.domain.memory.new import NewBlock
from agents.models import Agent, Block
from agents.queries.agents.find import find_agent


@write
def duplicate_agent(
    *, agent_id: str, spec: NewAgent, with_blocks: bool = True, actor: Actor
) -> Agent:
    """Create the agent that `spec` describes, with the configs, metadata and settings of another agent.

    With `with_blocks` it also gets copies of the memory blocks, so that neither agent changes the memory
    of the other. Raises NotFound, and as `create_agents` does.
    """
    actor.require(Power.WRITE, "create agents")
    source = find_agent(agent_id, actor, with_detail=True)
    detail = source.detail
    extra = loads(detail.extra)
    complete = replace(
        spec,
        llm_config=_without_window(loads(detail.llm_config)),
        embedding_config=loads(detail.embedding_config) if spec.embedding else None,
        metadata=loads(detail.metadata),
        # Settings only: messages, secrets and the last run belong to the other agent.
        extra={name: value for name, value in extra.items() if name in LETTA_TYPES},
        blocks=_copies(source) if with_blocks else [],
    )
    reason = f"Copy of {shown(source.name)} ({source.public_id})"
    return create_agent(complete, actor=actor, reason=reason)


def _without_window(config: dict[str, Any]) -> dict[str, Any]:
    """Drop the context window: the new agent has its own limit, or none."""
    return {key: value for key, value in config.items() if key != "context_window"}


def _copies(agent: Agent) -> list[NewBlock]:
    return [
        NewBlock(
            label=block.label,
            value=block.value,
            limit=block.limit,
            over_limit=True,  # an imported value may be longer than its limit
            description=block.description,
            read_only=block.read_only,
            metadata=loads(block.metadata),
            extra=loads(block.extra),
        )
        for block in Block.objects.filter(agentblock__agent=agent).order_by("id")
    ]
