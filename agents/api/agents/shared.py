"""/v1/agents/{id}/shared: whether an agent is meant to be shared. Not part of Letta's API."""

from django.http import HttpRequest
from ninja import Router
from pydantic import BaseModel, Field

from agents.api.agents.bodies import AgentId
from agents.api.core.answers import Answer, json_answer
from agents.api.core.auth import actor_of
from agents.api.core.common import Body
from agents.api.core.schemas import READ_ONE, WRITE, answers
from agents.domain.agents.shared import mark_shared, unmark_shared
from agents.models import Agent
from agents.queries.agents.find import find_seq

router = Router(tags=["users"])


class SharedBody(Body):
    """Why the agent is meant to be shared."""

    reason: str


class SharedState(BaseModel):
    """The mark of an agent."""

    reason: str | None = Field(
        description="Why the agent is meant to be shared between users. Null: it is not marked."
    )


@router.get(
    "/{agent_id}/shared", operation_id="get_agent_shared", response=answers(SharedState, READ_ONE)
)
def get_shared(request: HttpRequest, agent_id: AgentId) -> Answer:
    """Get whether the agent is meant to be shared between users, and why."""
    seq = find_seq(agent_id, actor_of(request))
    return _state(Agent.objects.get(seq=seq))


@router.put(
    "/{agent_id}/shared", operation_id="set_agent_shared", response=answers(SharedState, WRITE)
)
def mark(request: HttpRequest, agent_id: AgentId, body: SharedBody) -> Answer:
    """Mark the agent as meant to be shared: second owners are no longer reported. Needs manage scope."""
    return _state(mark_shared(agent_id=agent_id, reason=body.reason, actor=actor_of(request)))


@router.delete(
    "/{agent_id}/shared", operation_id="remove_agent_shared", response=answers(SharedState, WRITE)
)
def unmark(request: HttpRequest, agent_id: AgentId) -> Answer:
    """Remove the mark. Needs manage scope."""
    return _state(unmark_shared(agent_id=agent_id, actor=actor_of(request)))


def _state(agent: Agent) -> Answer:
    return json_answer({"reason": agent.shared_reason})
