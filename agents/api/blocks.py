"""/v1/blocks/: memory blocks by their own ids, whichever agents have them."""

from django.http import HttpRequest
from ninja import Query, Router

from agents.api.agents import show_of
from agents.api.answers import Answer, answer, json_answer
from agents.api.auth import actor_of
from agents.api.block_bodies import (
    BlockEditBody,
    BlockListQuery,
    BlockPath,
    NewBlockBody,
    WhichBlocks,
)
from agents.api.bodies import OwnAgentsQuery
from agents.api.pages import ends_of, require_one_end
from agents.api.schemas import READ, READ_ONE, WRITE, AgentState, BlockState, Done, answers
from agents.api.state import block_of, write_many
from agents.domain import blocks as domain
from agents.filters import Sort
from agents.lagging import may_lag
from agents.listing.blocks import (
    BlockFilter,
    agents_of_block,
    block_count,
    block_page,
    visible_blocks,
)
from agents.models import Block

router = Router(tags=["memory blocks"])


@router.post("/", response=answers(BlockState, WRITE), url_name="api-blocks")
def create_block(request: HttpRequest, body: NewBlockBody) -> Answer:
    """Make a block that no agent has yet. Not for keys that are limited to a tag."""
    return _answer(domain.create_block(body.new(), actor=actor_of(request)))


@router.get("/", response=answers(list[BlockState], READ))
@may_lag(actor_of)
def list_blocks(request: HttpRequest, query: Query[BlockListQuery]) -> Answer:
    """A page of blocks, oldest first. To go on, give the last one's id as `after`."""
    require_one_end(query)
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
    return json_answer([_state(block) for block in page])


@router.get("/count", response=answers(int, READ))
@may_lag(actor_of)
def count_blocks(request: HttpRequest, query: Query[WhichBlocks]) -> Answer:
    """How many blocks, exactly."""
    wanted = _filter_of(query)
    return json_answer(0 if wanted is None else block_count(wanted, actor=actor_of(request)))


@router.get("/{block_id}", response=answers(BlockState, READ_ONE), url_name="api-block")
def get_block(request: HttpRequest, block_id: BlockPath) -> Answer:
    """One block."""
    return _answer(_find(request, block_id))


@router.patch("/{block_id}", response=answers(BlockState, WRITE))
def edit_block(request: HttpRequest, block_id: BlockPath, body: BlockEditBody) -> Answer:
    """Change a block for every agent that has it."""
    edit = domain.BlockEdit(**body.given(), extra=body.extra())
    return _answer(domain.edit_block(block_id=block_id, edit=edit, actor=actor_of(request)))


@router.delete("/{block_id}", response=answers(Done, WRITE))
def delete_block(request: HttpRequest, block_id: BlockPath) -> Answer:
    """Delete a block, and take it off every agent that has it."""
    domain.delete_block(block_id=block_id, actor=actor_of(request))
    return json_answer({"message": f"Block id={block_id} successfully deleted"})


@router.get("/{block_id}/agents", response=answers(list[AgentState], READ_ONE))
@may_lag(actor_of)
def list_agents_of_block(
    request: HttpRequest, block_id: BlockPath, query: Query[OwnAgentsQuery]
) -> Answer:
    """A page of the agents that have a block, newest first."""
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
    )
    return answer(write_many(page, show_of(request, query)))


def _find(request: HttpRequest, block_id: str) -> Block:
    block = visible_blocks(actor_of(request)).filter(public_id=block_id).first()
    if block is None:
        raise domain.block_not_found(block_id)
    return block


def _filter_of(which: WhichBlocks) -> BlockFilter | None:
    """The filter of a query, or None if it asks for what no block has."""
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
