"""/v1/agents/{id}/tags: add and remove tags without overwriting concurrent changes."""

from django.http import HttpRequest
from ninja import Router

from agents.api.agents.bodies import AgentId, TagsBody
from agents.api.agents.routes import if_match_of
from agents.api.core.answers import Answer, json_answer
from agents.api.core.auth import actor_of
from agents.api.core.idempotency import IDEMPOTENT, PARAMETER, Made, idempotent
from agents.api.core.not_kept import name_not_kept, names_not_kept
from agents.api.core.schemas import IF_MATCH, WRITE_IF, TagsState, answers
from agents.core.etag import etag_of
from agents.domain.core.transactions import snapshot
from agents.domain.tags import edit
from agents.models import Agent, AgentTag
from agents.queries.agents.find import find_agent

router = Router(tags=["agents"])


@router.post(
    "/{agent_id}/tags",
    operation_id="change_agent_tags",
    response=answers(TagsState, WRITE_IF),
    openapi_extra=IDEMPOTENT | {"parameters": [*IF_MATCH["parameters"], PARAMETER]},
)
def change_tags(request: HttpRequest, agent_id: AgentId, body: TagsBody) -> Answer:
    """Add and remove tags, both or neither. Returns all tags of the agent."""
    return name_not_kept(_change(request, agent_id, body), names_not_kept(body))


def _changed(request: HttpRequest, ids: list[str]) -> Answer:
    with snapshot():
        agent = find_agent(ids[0], actor_of(request))
        carried = AgentTag.objects.filter(agent=agent).values_list("tag__name", flat=True)
        return _answer(agent, sorted(carried))


@idempotent(_changed)
def _change(request: HttpRequest, agent_id: str, body: TagsBody) -> Made:
    result = edit.change_tags(
        agent_id=agent_id,
        add=body.add,
        remove=body.remove,
        actor=actor_of(request),
        reason=body.reason,
        if_match=if_match_of(request),
    )
    return _answer(result.agent, result.tags), [agent_id]


def _answer(agent: Agent, tags: list[str]) -> Answer:
    return json_answer({"tags": tags}, etag=etag_of(agent.public_id, agent.version, tags))
