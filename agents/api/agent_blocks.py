"""/v1/agents/{id}/core-memory/blocks: an agent's memory blocks, by their labels."""

from typing import Any

from django.http import HttpRequest
from ninja import Path, Query, Router

from agents.api.agents import agent_answer, require_seq, show_of
from agents.api.answers import Answer, json_answer
from agents.api.auth import actor_of
from agents.api.block_bodies import BlockEditBody, BlockPath, BlocksQuery
from agents.api.bodies import AgentId
from agents.api.schemas import READ_ONE, WRITE, AgentState, BlockState, MemoryState, answers
from agents.api.state import Memory, blocks_of
from agents.domain.agentblocks import attach_block, detach_block
from agents.domain.blocks import BlockEdit, update_block
from agents.errors import BadRequest, NotFound

router = Router(tags=["memory blocks"])


@router.get("/{agent_id}/core-memory", response=answers(MemoryState, READ_ONE))
def get_memory(request: HttpRequest, agent_id: AgentId) -> Answer:
    """The agent's memory: its blocks, oldest first."""
    return json_answer(Memory(blocks_of(require_seq(agent_id, actor_of(request)))))


@router.get("/{agent_id}/core-memory/blocks", response=answers(list[BlockState], READ_ONE))
def list_blocks(request: HttpRequest, agent_id: AgentId, query: Query[BlocksQuery]) -> Answer:
    """The agent's memory blocks, oldest first."""
    blocks = blocks_of(require_seq(agent_id, actor_of(request)))
    if query.order == "desc":
        blocks.reverse()
    return json_answer(_page(blocks, query))


# Before the routes by label, which take any path.
@router.patch(
    "/{agent_id}/core-memory/blocks/attach/{block_id}", response=answers(AgentState, WRITE)
)
def attach(request: HttpRequest, agent_id: AgentId, block_id: BlockPath) -> Answer:
    """Give the agent a block that exists; other agents may have it too. Answers the agent."""
    agent = attach_block(agent_id=agent_id, block_id=block_id, actor=actor_of(request))
    return agent_answer(agent_id, agent.seq, show_of(request))


@router.patch(
    "/{agent_id}/core-memory/blocks/detach/{block_id}", response=answers(AgentState, WRITE)
)
def detach(request: HttpRequest, agent_id: AgentId, block_id: BlockPath) -> Answer:
    """Take a block off the agent; the block stays. Answers the agent."""
    agent = detach_block(agent_id=agent_id, block_id=block_id, actor=actor_of(request))
    return agent_answer(agent_id, agent.seq, show_of(request))


@router.get("/{agent_id}/core-memory/blocks/{path:label}", response=answers(BlockState, READ_ONE))
def get_block(request: HttpRequest, agent_id: AgentId, label: Path[str]) -> Answer:
    """The agent's block with this label."""
    seq = require_seq(agent_id, actor_of(request))
    return _answer(agent_id, seq, label)


@router.patch("/{agent_id}/core-memory/blocks/{path:label}", response=answers(BlockState, WRITE))
def edit_block(
    request: HttpRequest, agent_id: AgentId, label: Path[str], body: BlockEditBody
) -> Answer:
    """Change the agent's block with this label, for every agent that shares it."""
    actor = actor_of(request)
    edit = BlockEdit(**body.given(), extra=body.extra())
    block = update_block(agent_id=agent_id, label=label, actor=actor, edit=edit)
    return _answer(agent_id, require_seq(agent_id, actor), block.label)


def _page(blocks: list[dict[str, Any]], query: BlocksQuery) -> list[dict[str, Any]]:
    """Clients page until a page is empty, also here: without `after` they would never end."""
    places = {block["id"]: place for place, block in enumerate(blocks)}
    for cursor in (query.after, query.before):
        if cursor and cursor not in places:
            raise BadRequest(f"The agent has no block with ID {cursor}, so no page starts there.")
    first = places[query.after] + 1 if query.after else 0
    last = places[query.before] if query.before else len(blocks)
    if query.before and not query.after:
        first = max(0, last - query.size)
    return blocks[first:last][: query.size]


def _answer(agent_id: str, seq: int, label: str) -> Answer:
    for block in blocks_of(seq):
        if block["label"] == label:
            return json_answer(block)
    raise _no_block(agent_id, label)


def _no_block(agent_id: str, label: str) -> NotFound:
    return NotFound(f"No block with label '{label}' found for agent '{agent_id}'")
