"""/v1/blocks/: memory blocks by their own IDs, across agents."""

from django.http import HttpRequest
from ninja import Query, Router

from agents.api.agents.bodies import OwnAgentsQuery
from agents.api.agents.json import block_of, write_many
from agents.api.agents.routes import show_of
from agents.api.core.answers import Answer, answer, json_answer
from agents.api.core.auth import actor_of
from agents.api.core.not_kept import name_not_kept, names_not_kept
from agents.api.core.pages import ends_of, link_next
from agents.api.core.schemas import READ, READ_ONE, WRITE, AgentState, BlockState, Done, answers
from agents.api.memory.bodies import (
    BlockEditBody,
    BlockListQuery,
    BlockPath,
    NewBlockBody,
    WhichBlocks,
)
from agents.core.filters import Sort
from agents.domain.memory import write as domain
from agents.models import Block
from agents.queries.agents import agent_id_at
from agents.queries.core.replica_reads import may_lag
from agents.queries.memory import (
    BlockFilter,
    agents_of_block,
    block_count,
    block_page,
    visible_blocks,
)

router = Router(tags=["memory blocks"])


@router.post(
    "/", operation_id="create_block", response=answers(BlockState, WRITE), url_name="api-blocks"
)
def create_block(request: HttpRequest, body: NewBlockBody) -> Answer:
    """Create a block without attaching it to an agent. Not for keys limited to a tag."""
    response = _answer(domain.create_block(body.new(), actor=actor_of(request)))
    return name_not_kept(response, names_not_kept(body))


@router.get("/", operation_id="list_blocks", response=answers(list[BlockState], READ))
@may_lag(actor_of)
def list_blocks(request: HttpRequest, query: Query[BlockListQuery]) -> Answer:
    """List blocks, oldest first. For the next page, pass the last ID as `after`."""
    wanted = _filter_of(query)
    if wanted is None:
        return answer(b"[]")
    page = block_page(
        wanted,
        actor=actor_of(request),
        size=query.size,
        after=query.after or None,
        before=query.before or None,
        descending=query.order == "desc",
    )
    response = json_answer([_state(block) for block in page])
    return link_next(response, request, page[-1].public_id if page.more else None)


@router.get("/count", operation_id="count_blocks", response=answers(int, READ))
@may_lag(actor_of)
def count_blocks(request: HttpRequest, query: Query[WhichBlocks]) -> Answer:
    """Count the blocks that match. The number is exact."""
    wanted = _filter_of(query)
    return json_answer(0 if wanted is None else block_count(wanted, actor=actor_of(request)))


@router.get(
    "/{block_id}",
    operation_id="get_block",
    response=answers(BlockState, READ_ONE),
    url_name="api-block",
)
def get_block(request: HttpRequest, block_id: BlockPath) -> Answer:
    """Get a block."""
    return _answer(_find(request, block_id))


@router.patch("/{block_id}", operation_id="update_block", response=answers(BlockState, WRITE))
def edit_block(request: HttpRequest, block_id: BlockPath, body: BlockEditBody) -> Answer:
    """Update a block, for all agents that share it."""
    edit = domain.BlockEdit(**body.given(), extra=body.extra())
    response = _answer(domain.edit_block(block_id=block_id, edit=edit, actor=actor_of(request)))
    return name_not_kept(response, names_not_kept(body))


@router.delete("/{block_id}", operation_id="delete_block", response=answers(Done, WRITE))
def delete_block(request: HttpRequest, block_id: BlockPath) -> Answer:
    """Delete a block and detach it from all agents."""
    domain.delete_block(block_id=block_id, actor=actor_of(request))
    return json_answer({"message": f"Block id={block_id} successfully deleted"})


@router.get(
    "/{block_id}/agents",
    operation_id="list_block_agents",
    response=answers(list[AgentState], READ_ONE),
)
@may_lag(actor_of)
def list_agents_of_block(
    request: HttpRequest, block_id: BlockPath, query: Query[OwnAgentsQuery]
) -> Answer:
    """List the agents that have a block, newest first, in pages."""
    actor = actor_of(request)
    block = _find(request, block_id)
    sort = Sort.OLDEST if query.order == "asc" else Sort.NEWEST
    after, before = ends_of(query, actor=actor, sort=sort)
    page = agents_of_block(
        block,
        actor=actor,
        size=query.size,
        after=after,
        before=before,
        descending=sort.descending,
        show_hidden=bool(query.show_hidden_agents),
    )
    written = write_many(page, show_of(request, query))
    # Without an id, the agent was deleted since the page was found.
    cursor = (written.ids.get(page[-1]) or agent_id_at(page[-1])) if page.more else None
    return link_next(answer(written.content), request, cursor)


def _find(request: HttpRequest, block_id: str) -> Block:
    block = visible_blocks(actor_of(request)).filter(public_id=block_id).first()
    if block is None:
        raise domain.block_not_found(block_id)
    return block


def _filter_of(which: WhichBlocks) -> BlockFilter | None:
    """Return the filter of a query, or None if no block can match."""
    unkept = (which.name, which.identity_id, which.identifier_keys, which.project_id)
    if any(unkept) or which.templates_only:
        return None
    return BlockFilter(
        label=which.label,
        label_part=which.label_search,
        description_part=which.description_search,
        value_part=which.value_search,
        agents_equal=tuple(which.connected_to_agents_count_eq),
        agents_over=which.connected_to_agents_count_gt,
        agents_under=which.connected_to_agents_count_lt,
        tags=tuple(dict.fromkeys(which.tags)),
        all_tags=which.match_all_tags,
        hidden=None if which.show_hidden_blocks or which.show_hidden_agents else False,
    )


def _answer(block: Block) -> Answer:
    return json_answer(_state(block))


def _state(block: Block) -> dict[str, object]:
    return block_of(
        block.public_id,
        block.label,
        block.value,
        block.limit,
        block.description,
        block.read_only,
        block.metadata,
        block.extra,
    )
