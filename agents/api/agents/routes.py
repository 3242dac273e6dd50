"""/v1/agents/: create, list, count, get, update and delete agents."""

from dataclasses import replace
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from ninja import Query, Router

from agents.api.agents.bodies import AgentBody, AgentEditBody, AgentId, Included, ListQuery, Which
from agents.api.agents.json import (
    Show,
    Written,
    block_at_source,
    write_found,
    write_many,
    write_one,
)
from agents.api.core.answers import Answer, answer, json_answer
from agents.api.core.auth import actor_of
from agents.api.core.idempotency import IDEMPOTENT, Made, carried_out, idempotent
from agents.api.core.not_kept import name_not_kept, names_not_kept
from agents.api.core.pages import ends_of, link_next
from agents.api.core.schemas import (
    IF_MATCH,
    READ,
    READ_ONE,
    WRITE,
    WRITE_IF,
    AgentState,
    Done,
    answers,
)
from agents.core.actors import Actor
from agents.core.errors import LimitExceeded
from agents.core.filters import AgentFilter, Sort
from agents.core.limits import FILTER_TAGS, SEARCH_LENGTH
from agents.domain.agents import write as domain
from agents.domain.agents.edit import AgentEdit
from agents.domain.agents.letta_fields import API_TYPES, given_fields
from agents.domain.agents.new import NewAgent
from agents.domain.core.idempotency import Once
from agents.domain.core.transactions import snapshot, write
from agents.domain.sources import memory, through
from agents.domain.sources.deletion.delete import delete_agent as delete_at_source_and_here
from agents.domain.sources.through import Answered
from agents.queries import agents
from agents.queries.agents.find import agent_not_found, find_seq
from agents.queries.core.bounds import FULL
from agents.queries.core.replica_reads import may_lag
from agents.queries.identities import named_identities

router = Router(tags=["agents"])

# lettactl compares blocks and tools with its files, so an agent is always written with them.
_ALWAYS = {"blocks": True, "tools": True}

_SORTS = {
    ("created_at", "desc"): Sort.NEWEST,
    ("created_at", "asc"): Sort.OLDEST,
    ("updated_at", "desc"): Sort.UPDATED,
    ("updated_at", "asc"): Sort.STALEST,
    # ADE runs no agents, so this sorts by the tie-breaker: creation.
    ("last_run_completion", "desc"): Sort.NEWEST,
    ("last_run_completion", "asc"): Sort.OLDEST,
}


@router.post(
    "/",
    operation_id="create_agent",
    response=answers(AgentState, WRITE),
    url_name="api-agents",
    openapi_extra=IDEMPOTENT,
)
def create_agent(request: HttpRequest, body: AgentBody) -> Answer:
    """Create an agent."""
    spec = NewAgent(
        **body.given(),
        extra=given_fields(body, API_TYPES),
        not_kept=tuple(names_not_kept(body)),
        tags=body.tags or [],
        blocks=[block.new() for block in body.memory_blocks or []],
        block_ids=body.block_ids or [],
        identity_ids=body.identity_ids or [],
    )
    source = settings.DEFAULT_SOURCE if body.source is None else body.source
    made = _create_at(request, spec, source) if source else _create(request, spec)
    return name_not_kept(made, spec.not_kept)


def _create_at(request: HttpRequest, spec: NewAgent, source: str) -> Answer:
    """Create an agent at a source. No transaction is open while the source is asked."""

    def make(once: Once | None) -> Answer:
        agent = through.create_agent(spec, source=source, actor=actor_of(request), once=once)
        return agent_answer(agent.public_id, agent.seq, show_of(request))

    return carried_out(request, make, _created)


def _created(request: HttpRequest, ids: list[str]) -> Answer:
    seq = find_seq(ids[0], actor_of(request))
    return agent_answer(ids[0], seq, show_of(request))


@idempotent(_created)
def _create(request: HttpRequest, spec: NewAgent) -> Made:
    agent = domain.create_agent(spec, actor=actor_of(request))
    return agent_answer(agent.public_id, agent.seq, show_of(request)), [agent.public_id]


@router.get("/", operation_id="list_agents", response=answers(list[AgentState], READ))
@may_lag(actor_of)
def list_agents(request: HttpRequest, query: Query[ListQuery]) -> Answer:
    """List agents, newest first. For the next page, pass the last agent's ID as `after`.

    Every page except the last has a header `Link: <...>; rel="next"`.
    """
    actor = actor_of(request)
    wanted = filter_of(query, actor)
    sort = _SORTS[query.order_by, query.order]
    after, before = ends_of(query, actor=actor, sort=sort)
    if wanted is None:
        return answer(b"[]")
    show = show_of(request, query)
    # One snapshot: otherwise a rename could happen between reading agents and their tags.
    with snapshot():
        # Clients stop at an empty page, so only the last page may be empty.
        page = agents.page(
            wanted, actor=actor, sort=sort, size=query.size, after=after, before=before,
            until_one=True, budgets=FULL,
        )  # fmt: skip
        written = write_many(page.seqs, show)
        cursor = agents.cursor_of(page, sort, written.ids)
        return link_next(answer(written.content), request, cursor)


@router.get("/count", operation_id="count_agents", response=answers(int, READ))
@may_lag(actor_of)
def count_agents(request: HttpRequest, query: Query[Which]) -> Answer:
    """Count the agents that match. The number is exact."""
    actor = actor_of(request)
    wanted = filter_of(query, actor)
    return json_answer(0 if wanted is None else agents.count(wanted, actor=actor))


@router.get(
    "/{agent_id}",
    operation_id="get_agent",
    response=answers(AgentState, READ_ONE),
    url_name="api-agent",
)
def get_agent(request: HttpRequest, agent_id: AgentId, query: Query[Included]) -> Answer:
    """Get an agent. `include=agent.blocks` reads the memory blocks of an agent of a source there."""
    actor, show = actor_of(request), show_of(request, query)
    asked = {*query.include, *query.include_relationships} & {"agent.blocks", "blocks"}
    if not asked:
        written = write_found(agent_id, actor, replace(show, **_ALWAYS))
        return answer(written.content, etag=written.etag)
    seq = find_seq(agent_id, actor)
    there = memory.blocks_of(agent_id=agent_id, actor=actor)
    blocks = None if there is None else [block_at_source(block) for block in there]
    return agent_answer(agent_id, seq, show, blocks)


@router.patch(
    "/{agent_id}",
    operation_id="update_agent",
    response=answers(AgentState, WRITE_IF),
    openapi_extra=IF_MATCH,
)
def update_agent(
    request: HttpRequest, agent_id: AgentId, body: AgentEditBody, query: Query[Included]
) -> Answer:
    """Update the given fields. With `If-Match: <ETag>`, only if the agent has not changed."""
    show = show_of(request, query)
    actor, if_match = actor_of(request), if_match_of(request)
    tags: list[Any] | None = body.tags
    answered = through.send_update(
        agent_id=agent_id,
        edit=_edit_of(body),
        tags=tags,
        identity_ids=body.identity_ids,
        block_ids=body.block_ids,
        actor=actor,
        if_match=if_match,
    )
    if answered is not None:
        if_match = None  # it was right before the source was asked, and a sync may have been faster
    written = _update(agent_id, body, actor, if_match, show, answered)
    return name_not_kept(answer(written.content, etag=written.etag), names_not_kept(body))


def _edit_of(body: AgentEditBody) -> AgentEdit:
    return AgentEdit(**body.given(), extra=given_fields(body, API_TYPES))


@write
def _update(
    agent_id: str,
    body: AgentEditBody,
    actor: Actor,
    if_match: str | None,
    show: Show,
    answered: Answered | None,
) -> Written:
    """Edit and read the agent in one transaction, so the response shows exactly this write."""
    tags: list[Any] | None = body.tags
    agent = domain.update_agent(
        agent_id=agent_id,
        edit=_edit_of(body),
        tags=tags,
        identity_ids=body.identity_ids,
        block_ids=body.block_ids,
        not_kept=names_not_kept(body),
        actor=actor,
        if_match=if_match,
    )
    through.note(answered)
    return _written(agent_id, agent.seq, show)


@router.delete(
    "/{agent_id}",
    operation_id="delete_agent",
    response=answers(Done, WRITE_IF),
    openapi_extra=IF_MATCH,
)
def delete_agent(request: HttpRequest, agent_id: AgentId, keep_blocks: bool = False) -> Answer:
    """Delete an agent and the memory blocks that only it has. The API cannot restore them.

    Members can restore both from the trash for TRASH_DAYS. With `keep_blocks=true` the memory blocks
    stay, as on a Letta server. With `If-Match: <ETag>`, only if the agent has not changed.
    """
    delete_at_source_and_here(
        agent_id=agent_id,
        actor=actor_of(request),
        if_match=if_match_of(request),
        keep_blocks=keep_blocks,
    )
    return json_answer({"message": f"Agent id={agent_id} successfully deleted"})


def filter_of(which: Which, actor: Actor) -> AgentFilter | None:
    """Return the filter of a query, or None if no agent can match. Raises Invalid."""
    if len(which.tags) + len(which.exclude_tags) > FILTER_TAGS:
        raise LimitExceeded(f"A filter has at most {FILTER_TAGS} tags.", field="tags")
    if len(which.model) > FILTER_TAGS:
        raise LimitExceeded(f"A filter has at most {FILTER_TAGS} models.", field="model")
    if len(which.source) > FILTER_TAGS:
        raise LimitExceeded(f"A filter has at most {FILTER_TAGS} sources.", field="source")
    if len(which.query_text or "") > SEARCH_LENGTH:
        raise LimitExceeded(
            f"query_text has at most {SEARCH_LENGTH} characters.", field="query_text"
        )
    if len(which.identifier_keys) > FILTER_TAGS:
        raise LimitExceeded(f"A filter has at most {FILTER_TAGS} keys.", field="identifier_keys")
    unkept = (
        which.project_id,
        which.template_id,
        which.base_template_id,
        which.created_by_id,
        which.last_stop_reason,
    )
    if any(unkept):
        return None
    tags = tuple(dict.fromkeys(which.tags))
    return AgentFilter(
        any=() if which.match_all_tags else tags,
        all=tags if which.match_all_tags else (),
        none=tuple(dict.fromkeys(which.exclude_tags)),
        untagged=which.untagged,
        visible=not which.show_hidden_agents,
        models=tuple(dict.fromkeys(which.model)),
        sources=tuple(dict.fromkeys(which.source)),
        name=which.name,
        q=which.query_text or "",
        identities=named_identities(which.identity_id, tuple(which.identifier_keys), actor=actor),
    )


def if_match_of(request: HttpRequest) -> str | None:
    """Return the If-Match header, or None without one."""
    return request.headers.get("If-Match")


def show_of(request: HttpRequest, query: Included | None = None) -> Show:
    """Return what to include. 1.x clients get what they ask for; others get all by default."""
    linked = not actor_of(request).limited
    asked = [*query.include, *query.include_relationships] if query else []
    if asked:
        names = {name.removeprefix("agent.") for name in asked}
        tools = "tools" in names or "sources" in names
        return Show("blocks" in names, "identities" in names and linked, linked, tools)
    headers = request.headers
    sdk = "X-Stainless-Package-Version" in headers
    whole = not (sdk or headers.get("User-Agent", "").startswith("letta-client/1."))
    return Show(whole, whole and linked, linked, whole)


def agent_answer(
    agent_id: str, seq: int, show: Show, blocks: list[dict[str, Any]] | None = None
) -> Answer:
    """Return the response for an agent, with its ETag. Raises NotFound if it was just deleted."""
    written = _written(agent_id, seq, show, blocks)
    return answer(written.content, etag=written.etag)


def _written(
    agent_id: str, seq: int, show: Show, blocks: list[dict[str, Any]] | None = None
) -> Written:
    written = write_one(seq, replace(show, **_ALWAYS), blocks)
    if written is None:
        raise agent_not_found(agent_id)
    return written
