"""/v1/agents/: create, list, count, read, edit, delete."""

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router

from agents import listing
from agents.actors import Actor
from agents.api.answers import Answer, answer, json_answer
from agents.api.auth import actor_of
from agents.api.bodies import AgentBody, AgentEditBody, AgentId, Included, ListQuery, Which
from agents.api.state import write_many, write_one
from agents.domain import agents as domain
from agents.domain.edits import AgentEdit
from agents.domain.holds import agent_not_found
from agents.domain.newagents import NewAgent, NewBlock
from agents.errors import BadRequest, Invalid
from agents.filters import AgentFilter, Sort
from agents.limits import FILTER_TAGS, SEARCH_LENGTH
from agents.models import Agent

router = Router(tags=["agents"])

_SORTS = {
    ("created_at", "desc"): Sort.NEWEST,
    ("created_at", "asc"): Sort.OLDEST,
    ("updated_at", "desc"): Sort.UPDATED,
    ("updated_at", "asc"): Sort.STALEST,
    # No agent here has run, so this order is the one among equals.
    ("last_run_completion", "desc"): Sort.NEWEST,
    ("last_run_completion", "asc"): Sort.OLDEST,
}


@router.post("/", url_name="api-agents")
def create_agent(request: HttpRequest, body: AgentBody) -> Answer:
    """Make an agent."""
    spec = NewAgent(
        **body.given(),
        extra=body.extra(),
        tags=body.tags or [],
        blocks=[NewBlock(**vars(block)) for block in body.memory_blocks or []],
        block_ids=body.block_ids or [],
    )
    agent = domain.create_agent(spec, actor=actor_of(request))
    return _answer(agent.public_id, agent.seq, blocks=_wants_blocks(request, Included()))


@router.get("/")
def list_agents(request: HttpRequest, query: Query[ListQuery]) -> Answer:
    """A page of agents, newest first. To go on, give the last one's id as `after`."""
    actor = actor_of(request)
    wanted = filter_of(query)
    sort = _SORTS[query.order_by, query.order]
    if query.after and query.before:
        raise BadRequest("Give after or before, not both.")
    after, before = (
        listing.position_of(cursor, actor=actor, sort=sort) if cursor else None
        for cursor in (query.after, query.before)
    )
    if wanted is None:
        return answer(b"[]")
    # A client takes an empty page for the end, so a page is not empty while there is one to find.
    page = listing.page(
        wanted, actor=actor, sort=sort, size=query.size, after=after, before=before, until_one=True
    )
    return answer(write_many(page.seqs, blocks=_wants_blocks(request, query)))


@router.get("/count")
def count_agents(request: HttpRequest, query: Query[Which]) -> Answer:
    """How many agents, exactly."""
    wanted = filter_of(query)
    actor = actor_of(request)
    return json_answer(0 if wanted is None else listing.count(wanted, actor=actor))


@router.get("/{agent_id}", url_name="api-agent")
def get_agent(request: HttpRequest, agent_id: AgentId, query: Query[Included]) -> Answer:
    """One agent."""
    seq = require_seq(agent_id, actor_of(request))
    return _answer(agent_id, seq, blocks=_wants_blocks(request, query))


@router.patch("/{agent_id}")
def update_agent(
    request: HttpRequest, agent_id: AgentId, body: AgentEditBody, query: Query[Included]
) -> Answer:
    """Change what is given. With `If-Match: <ETag>`, only if the agent is still as it was read."""
    tags: list[Any] | None = body.tags
    agent = domain.update_agent(
        agent_id=agent_id,
        edit=AgentEdit(**body.given(), extra=body.extra()),
        tags=tags,
        actor=actor_of(request),
        if_match=if_match_of(request),
    )
    return _answer(agent_id, agent.seq, blocks=_wants_blocks(request, query))


@router.delete("/{agent_id}")
def delete_agent(request: HttpRequest, agent_id: AgentId) -> Answer:
    """Delete an agent for good. `If-Match: <ETag>` is heeded."""
    domain.delete_agent(agent_id=agent_id, actor=actor_of(request), if_match=if_match_of(request))
    return json_answer({"message": f"Agent id={agent_id} successfully deleted"})


def filter_of(which: Which) -> AgentFilter | None:
    """The filter of a query, or None if it asks for what no agent has. Raises Invalid."""
    if len(which.tags) + len(which.exclude_tags) > FILTER_TAGS:
        raise Invalid(f"A filter has at most {FILTER_TAGS} tags.", field="tags")
    if len(which.model) > FILTER_TAGS:
        raise Invalid(f"A filter has at most {FILTER_TAGS} models.", field="model")
    if len(which.query_text or "") > SEARCH_LENGTH:
        raise Invalid(f"query_text has at most {SEARCH_LENGTH} characters.", field="query_text")
    unkept = (which.project_id, which.template_id, which.base_template_id, which.identity_id,
              which.identifier_keys, which.created_by_id)  # fmt: skip
    if any(unkept):
        return None
    tags = tuple(dict.fromkeys(which.tags))
    return AgentFilter(
        any=() if which.match_all_tags else tags,
        all=tags if which.match_all_tags else (),
        none=tuple(dict.fromkeys(which.exclude_tags)),
        untagged=which.untagged,
        models=tuple(dict.fromkeys(which.model)),
        name=which.name,
        q=which.query_text or "",
    )


def require_seq(agent_id: str, actor: Actor) -> int:
    """The key of an agent that exists for this actor. Raises NotFound."""
    seen = Agent.objects.visible_to(actor).filter(public_id=agent_id)
    seq = seen.values_list("seq", flat=True).first()
    if seq is None:
        raise agent_not_found(agent_id)
    return int(seq)


def if_match_of(request: HttpRequest) -> str | None:
    """The If-Match header, or None without one."""
    return request.headers.get("If-Match")


def _wants_blocks(request: HttpRequest, query: Included) -> bool:
    """The 1.x clients get what they ask for, all others get memory blocks unless they ask."""
    if query.include or query.include_relationships:
        return "agent.blocks" in query.include or "blocks" in query.include_relationships
    headers = request.headers
    sdk = "X-Stainless-Package-Version" in headers
    return not (sdk or headers.get("User-Agent", "").startswith("letta-client/1."))


def _answer(agent_id: str, seq: int, *, blocks: bool) -> Answer:
    written = write_one(seq, blocks=blocks)
    if written is None:  # deleted by someone else meanwhile
        raise agent_not_found(agent_id)
    return answer(written.content, etag=written.etag)
