"""/v1/agents/{id}/tags: add and remove tags as a delta, which never undoes another's work."""

from django.http import HttpRequest
from ninja import Router

from agents.api.agents import if_match_of
from agents.api.answers import Answer, json_answer
from agents.api.auth import actor_of
from agents.api.bodies import AgentId, TagsBody
from agents.api.schemas import IF_MATCH, WRITE_IF, TagsState, answers
from agents.domain import tags
from agents.etag import etag_of

router = Router(tags=["agents"])


@router.post("/{agent_id}/tags", response=answers(TagsState, WRITE_IF), openapi_extra=IF_MATCH)
def change_tags(request: HttpRequest, agent_id: AgentId, body: TagsBody) -> Answer:
    """Add and remove tags, both or neither; the answer is all that the agent now carries."""
    result = tags.change_tags(
        agent_id=agent_id,
        add=body.add,
        remove=body.remove,
        actor=actor_of(request),
        if_match=if_match_of(request),
    )
    etag = etag_of(agent_id, result.agent.version, result.tags)
    return json_answer({"tags": result.tags}, etag=etag)
