"""An agent made after another one."""

from dataclasses import replace
from typing import Any

from agents.actors import Actor, Power
from agents.domain.agents import create_agent
from agents.domain.foreign import KEPT
from agents.domain.holds import agent_not_found
from agents.domain.newagents import NewAgent, NewBlock
from agents.domain.transactions import write
from agents.jsontext import loads
from agents.models import Agent, Block
from agents.tagnames import shown


@write
def duplicate_agent(
    *, agent_id: str, spec: NewAgent, with_blocks: bool = True, actor: Actor
) -> Agent:
    """Make the agent that `spec` tells of, with what else the other one has that is no one's own.

    That is its configs, metadata and settings, and copies of its memory blocks: what one of the
    two learns, the other does not. Raises NotFound, and as `create_agents` does.
    """
    actor.require(Power.WRITE, "create agents")
    seen = Agent.objects.visible_to(actor).filter(public_id=agent_id)
    source = seen.select_related("detail").first()
    if source is None:
        raise agent_not_found(agent_id)
    detail = source.detail
    extra = loads(detail.extra)
    whole = replace(
        spec,
        llm_config=_without_window(loads(detail.llm_config)),
        embedding_config=loads(detail.embedding_config) if spec.embedding else None,
        metadata=loads(detail.metadata),
        extra={name: value for name, value in extra.items() if name in KEPT},
        blocks=_copies(source) if with_blocks else [],
    )
    reason = f"Copy of {shown(source.name)} ({source.public_id})"
    return create_agent(whole, actor=actor, reason=reason)


def _without_window(config: dict[str, Any]) -> dict[str, Any]:
    """The limit is the new agent's own matter, also where it has none."""
    return {key: value for key, value in config.items() if key != "context_window"}


def _copies(agent: Agent) -> list[NewBlock]:
    return [
        NewBlock(
            label=block.label,
            value=block.value,
            # A value may have grown past the limit; it is copied all the same.
            limit=max(block.limit, len(block.value)),
            description=block.description,
            read_only=block.read_only,
            metadata=loads(block.metadata),
            extra=loads(block.extra),
        )
        for block in Block.objects.filter(agentblock__agent=agent).order_by("id")
    ]
