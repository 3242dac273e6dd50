"""/v1/agents/: create, list, count, read, edit, delete."""

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router

from agents import listing
from agents.actors import Actor
from agents.api.answers import Answer, answer, json_answer
from agents.api.auth import actor_of
from agents.api.bodies import AgentBody, AgentEditBody, AgentId, Included, ListQuery, Which
from agents.api.pages import ends_of
from agents.api.schemas import IF_MATCH, READ, READ_ONE, WRITE, WRITE_IF, AgentState, Done, answers
from agents.api.state import Show, Written, write_many, write_one
from agents.domain import agents as domain
from agents.domain.edits import AgentEdit
from agents.domain.holds import agent_not_found
from agents.domain.newagents import NewAgent
from agents.domain.transactions import snapshot, write
from agents.errors import Invalid
from agents.filters import AgentFilter, Sort
from agents.lagging import may_lag
from agents.limits import FILTER_TAGS, SEARCH_LENGTH
from agents.listing.identities import named_identities
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


@router.post("/", response=answers(AgentState, WRITE), url_name="api-agents")
def create_agent(request: HttpRequest, body: AgentBody) -> Answer:
    """Make an agent."""
    spec = NewAgent(
        **body.given(),
        extra=body.extra(),
        tags=body.tags or [],
        blocks=[block.new() for block in body.memory_blocks or []],
        block_ids=body.block_ids or [],
        identity_ids=body.identity_ids or [],
    )
    agent = domain.create_agent(spec, actor=actor_of(request))
    return agent_answer(agent.public_id, agent.seq, show_of(request))


@router.get("/", response=answers(list[AgentState], READ))
@may_lag(actor_of)
def list_agents(request: HttpRequest, query: Query[ListQuery]) -> Answer:
    """A page of agents, newest first. To go on, give the last one's id as `after`."""
    actor = actor_of(request)
    wanted = filter_of(query, actor)
    sort = _SORTS[query.order_by, query.order]
    after, before = ends_of(query, actor=actor, sort=sort)
    if wanted is None:
        return answer(b"[]")
    show = show_of(request, query)
    # Which agents, and what they carry, of one moment: a rename may come between.
    with snapshot():
        # A client takes an empty page for the end, so none is empty while there is one to find.
        page = listing.page(
            wanted, actor=actor, sort=sort, size=query.size, after=after, before=before,
            until_one=True,
        )  # fmt: skip
        return answer(write_many(page.seqs, show))


@router.get("/count", response=answers(int, READ))
@may_lag(actor_of)
def count_agents(request: HttpRequest, query: Query[Which]) -> Answer:
    """How many agents, exactly."""
    actor = actor_of(request)
    wanted = filter_of(query, actor)
    return json_answer(0 if wanted is None else listing.count(wanted, actor=actor))


@router.get("/{agent_id}", response=answers(AgentState, READ_ONE), url_name="api-agent")
def get_agent(request: HttpRequest, agent_id: AgentId, query: Query[Included]) -> Answer:
    """One agent."""
    seq = require_seq(agent_id, actor_of(request))
    return agent_answer(agent_id, seq, show_of(request, query))


@router.patch("/{agent_id}", response=answers(AgentState, WRITE_IF), openapi_extra=IF_MATCH)
def update_agent(
    request: HttpRequest, agent_id: AgentId, body: AgentEditBody, query: Query[Included]
) -> Answer:
    """Change what is given. With `If-Match: <ETag>`, only if the agent is still as it was read."""
    show = show_of(request, query)
    written = _update(agent_id, body, actor_of(request), if_match_of(request), show)
    return answer(written.content, etag=written.etag)


@write
def _update(
    agent_id: str, body: AgentEditBody, actor: Actor, if_match: str | None, show: Show
) -> Written:
    """Edit and read in one transaction: the answer is the state that this very write left."""
    tags: list[Any] | None = body.tags
    agent = domain.update_agent(
        agent_id=agent_id,
        edit=AgentEdit(**body.given(), extra=body.extra()),
        tags=tags,
        identity_ids=body.identity_ids,
        actor=actor,
        if_match=if_match,
    )
    return _written(agent_id, agent.seq, show)


@router.delete("/{agent_id}", response=answers(Done, WRITE_IF), openapi_extra=IF_MATCH)
def delete_agent(request: HttpRequest, agent_id: AgentId) -> Answer:
    """Delete an agent for good. `If-Match: <ETag>` is heeded."""
    domain.delete_agent(agent_id=agent_id, actor=actor_of(request), if_match=if_match_of(request))
    return json_answer({"message": f"Agent id={agent_id} successfully deleted"})


def filter_of(which: Which, actor: Actor) -> AgentFilter | None:
    """The filter of a query, or None if it asks for what no agent has. Raises Invalid."""
    if len(which.tags) + len(which.exclude_tags) > FILTER_TAGS:
        raise Invalid(f"A filter has at most {FILTER_TAGS} tags.", field="tags")
    if len(which.model) > FILTER_TAGS:
        raise Invalid(f"A filter has at most {FILTER_TAGS} models.", field="model")
    if len(which.query_text or "") > SEARCH_LENGTH:
        raise Invalid(f"query_text has at most {SEARCH_LENGTH} characters.", field="query_text")
    if len(which.identifier_keys) > FILTER_TAGS:
        raise Invalid(f"A filter has at most {FILTER_TAGS} keys.", field="identifier_keys")
    unkept = (which.project_id, which.template_id, which.base_template_id, which.created_by_id)
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
        identities=named_identities(which.identity_id, tuple(which.identifier_keys), actor=actor),
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


def show_of(request: HttpRequest, query: Included | None = None) -> Show:
    """The 1.x clients get what they ask for; all others get everything unless they ask."""
    linked = actor_of(request).limit is None
    asked = [*query.include, *query.include_relationships] if query else []
    if asked:
        names = {name.removeprefix("agent.") for name in asked}
        return Show("blocks" in names, "identities" in names and linked, linked)
    headers = request.headers
    sdk = "X-Stainless-Package-Version" in headers
    whole = not (sdk or headers.get("User-Agent", "").startswith("letta-client/1."))
    return Show(whole, whole and linked, linked)


def agent_answer(agent_id: str, seq: int, show: Show) -> Answer:
    """An agent's answer, with its ETag. Raises NotFound if it was deleted meanwhile."""
    written = _written(agent_id, seq, show)
    return answer(written.content, etag=written.etag)


def _written(agent_id: str, seq: int, show: Show) -> Written:
    written = write_one(seq, show)
    if written is None:
        raise agent_not_found(agent_id)
    return written
