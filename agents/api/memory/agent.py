"""/v1/agents/{id}/core-memory/blocks: an agent's memory blocks, by label."""

from typing import Any

from django.http import HttpRequest
from ninja import Path, Query, Router

from agents.api.agents.bodies import AgentId
from agents.api.agents.json import Memory, block_at_source, blocks_of
from agents.api.agents.routes import agent_answer, show_of
from agents.api.core.answers import Answer, json_answer
from agents.api.core.auth import actor_of
from agents.api.core.not_kept import name_not_kept, names_not_kept
from agents.api.core.pages import link_next
from agents.api.core.schemas import READ_ONE, WRITE, AgentState, BlockState, MemoryState, answers
from agents.api.memory.bodies import BlockEditBody, BlockPath, BlocksQuery
from agents.core.actors import Actor
from agents.core.errors import BadRequest, NotFound
from agents.domain.memory.agent import attach_block, detach_block
from agents.domain.memory.write import BlockEdit, update_block
from agents.domain.sources import memory
from agents.queries.agents.find import find_seq

router = Router(tags=["memory blocks"])


@router.get(
    "/{agent_id}/core-memory",
    operation_id="get_agent_memory",
    response=answers(MemoryState, READ_ONE),
)
def get_memory(request: HttpRequest, agent_id: AgentId) -> Answer:
    """Get the agent's memory: its blocks, oldest first."""
    return json_answer(Memory(_blocks(agent_id, actor_of(request))))


@router.get(
    "/{agent_id}/core-memory/blocks",
    operation_id="list_agent_blocks",
    response=answers(list[BlockState], READ_ONE),
)
def list_blocks(request: HttpRequest, agent_id: AgentId, query: Query[BlocksQuery]) -> Answer:
    """List the agent's memory blocks, oldest first."""
    blocks = _blocks(agent_id, actor_of(request))
    if query.order == "desc":
        blocks.reverse()
    page, more = _page(blocks, query)
    return link_next(json_answer(page), request, page[-1]["id"] if more else None)


# These come before the routes by label, which match any path.
@router.patch(
    "/{agent_id}/core-memory/blocks/attach/{block_id}",
    operation_id="attach_block_to_agent",
    response=answers(AgentState, WRITE),
)
def attach(request: HttpRequest, agent_id: AgentId, block_id: BlockPath) -> Answer:
    """Attach an existing block to the agent. Agents can share a block. Returns the agent."""
    memory.require_kept_here(agent_id=agent_id, actor=actor_of(request))
    agent = attach_block(agent_id=agent_id, block_id=block_id, actor=actor_of(request))
    return agent_answer(agent_id, agent.seq, show_of(request))


@router.patch(
    "/{agent_id}/core-memory/blocks/detach/{block_id}",
    operation_id="detach_block_from_agent",
    response=answers(AgentState, WRITE),
)
def detach(request: HttpRequest, agent_id: AgentId, block_id: BlockPath) -> Answer:
    """Detach a block from the agent without deleting the block. Returns the agent."""
    memory.require_kept_here(agent_id=agent_id, actor=actor_of(request))
    agent = detach_block(agent_id=agent_id, block_id=block_id, actor=actor_of(request))
    return agent_answer(agent_id, agent.seq, show_of(request))


@router.get(
    "/{agent_id}/core-memory/blocks/{path:label}",
    operation_id="get_agent_block",
    response=answers(BlockState, READ_ONE),
)
def get_block(request: HttpRequest, agent_id: AgentId, label: Path[str]) -> Answer:
    """Get the agent's block with this label."""
    return _answer(agent_id, actor_of(request), label)


@router.patch(
    "/{agent_id}/core-memory/blocks/{path:label}",
    operation_id="update_agent_block",
    response=answers(BlockState, WRITE),
)
def edit_block(
    request: HttpRequest, agent_id: AgentId, label: Path[str], body: BlockEditBody
) -> Answer:
    """Update the agent's block with this label, for all agents that share the block."""
    actor = actor_of(request)
    edit = BlockEdit(**body.given(), extra=body.extra())
    there = memory.edit_block(agent_id=agent_id, label=label, edit=edit, actor=actor)
    if there is not None:
        return name_not_kept(json_answer(block_at_source(there)), names_not_kept(body))
    block = update_block(agent_id=agent_id, label=label, actor=actor, edit=edit)
    response = _answer(agent_id, actor, block.label)
    return name_not_kept(response, names_not_kept(body))


def _page(blocks: list[dict[str, Any]], query: BlocksQuery) -> tuple[list[dict[str, Any]], bool]:
    """Return one page, and whether there is a next one.

    Clients page until they get an empty page, so `after` must work here too.
    """
    places = {block["id"]: place for place, block in enumerate(blocks)}
    for cursor in (query.after, query.before):
        if cursor and cursor not in places:
            raise BadRequest(f"The agent has no block with ID {cursor}. Use another ID as cursor.")
    first = places[query.after] + 1 if query.after else 0
    last = places[query.before] if query.before else len(blocks)
    if query.before and not query.after:
        first = max(0, last - query.size)
    end = min(first + query.size, last)
    # The page after one that `before` ended goes on with the rest.
    return blocks[first:end], first < end < (last if query.after else len(blocks))


def _blocks(agent_id: str, actor: Actor) -> list[dict[str, Any]]:
    """The agent's blocks, those of an agent of a source as they are there now."""
    there = memory.blocks_of(agent_id=agent_id, actor=actor)
    if there is not None:
        return [block_at_source(block) for block in there]
    return blocks_of(find_seq(agent_id, actor))


def _answer(agent_id: str, actor: Actor, label: str) -> Answer:
    for block in _blocks(agent_id, actor):
        if block["label"] == label:
            return json_answer(block)
    raise _no_block(agent_id, label)


def _no_block(agent_id: str, label: str) -> NotFound:
    return NotFound(f"No block with label '{label}' found for agent '{agent_id}'")
