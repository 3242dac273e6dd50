"""Write agents as agent files (`.af`), in the form that `agentfile` and Letta read."""

from typing import Any

from agents.core.actors import Actor
from agents.core.json_text import loads
from agents.domain.agents.letta_fields import LETTA_DEFAULTS, LETTA_TYPES
from agents.domain.core.transactions import snapshot
from agents.domain.memory.new import BLOCK_EXTRA_DEFAULTS
from agents.models import Agent, AgentTag, Block
from agents.queries.agents.find import find_agent

# Parts of a file that ADE has no data for: they are empty.
_AGENT: dict[str, Any] = {
    "memory_blocks": [],
    "tools": [],
    "tool_ids": [],
    "source_ids": [],
    "folder_ids": None,
    "initial_message_sequence": None,
    "include_base_tools": False,
    "include_multi_agent_tools": False,
    "include_base_tool_rules": False,
    "include_default_source": False,
    "embedding_chunk_size": None,
    "max_tokens": None,
    "max_reasoning_tokens": None,
    "enable_reasoner": False,
    "reasoning": None,
    "from_template": None,
    "template": False,
    "project": None,
    "tool_exec_environment_variables": {},
    "secrets": None,
    "memory_variables": None,
    "identity_ids": None,
    "parallel_tool_calls": None,
    "in_context_message_ids": [],
    "messages": [],
    "files_agents": [],
    "group_ids": [],
}


def export_agent(agent_id: str, *, actor: Actor) -> dict[str, Any]:
    """Return the agent file of one agent, with its tags and memory blocks. Raises NotFound.

    It contains all that ADE stores of the agent, except its id, its times and its identities, which a new
    agent does not share. ADE stores no messages, tools or secrets.
    """
    with snapshot():
        agent = find_agent(agent_id, actor, with_detail=True)
        names = AgentTag.objects.filter(agent=agent).values_list("tag__name", flat=True)
        tags = sorted(names)
        blocks = list(Block.objects.filter(agentblock__agent=agent).order_by("id"))
    return {
        "agents": [_agent(agent, tags, len(blocks))],
        "groups": [],
        "blocks": [_block(block, number) for number, block in enumerate(blocks)],
        "files": [],
        "sources": [],
        "tools": [],
        "mcp_servers": [],
        "skills": [],
        "metadata": {},
        "created_at": agent.updated_at.isoformat(),
    }


def _agent(agent: Agent, tags: list[str], blocks: int) -> dict[str, Any]:
    detail = agent.detail
    extra = {**LETTA_DEFAULTS, **loads(detail.extra)}
    return {
        **_AGENT,
        "id": "agent-0",
        "name": agent.name,
        "description": agent.description,
        "system": detail.system,
        "model": agent.model,
        "embedding": agent.embedding,
        "context_window_limit": agent.context_window_limit,
        "llm_config": loads(detail.llm_config),
        "embedding_config": loads(detail.embedding_config),
        "metadata": loads(detail.metadata),
        "tags": tags,
        "block_ids": [f"block-{number}" for number in range(blocks)],
        **{name: extra[name] for name in LETTA_TYPES},
    }


def _block(block: Block, number: int) -> dict[str, Any]:
    return {
        **BLOCK_EXTRA_DEFAULTS,
        **loads(block.extra),
        "id": f"block-{number}",
        "label": block.label,
        "value": block.value,
        "limit": block.limit,
        "description": block.description,
        "read_only": block.read_only,
        "metadata": loads(block.metadata),
    }
