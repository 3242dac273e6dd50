"""/v1/agents/{id}/identities: list, attach and detach an agent's identities."""

from django.http import HttpRequest
from ninja import Router

from agents.api.agents.bodies import AgentId
from agents.api.agents.json import identities_of
from agents.api.agents.routes import agent_answer, show_of
from agents.api.core.answers import Answer, json_answer
from agents.api.core.auth import actor_of
from agents.api.core.schemas import READ_ONE, WRITE, AgentState, IdentityState, answers
from agents.api.identities.bodies import IdentityPath
from agents.domain.identities.agent import attach_identity, detach_identity
from agents.queries.agents.find import find_seq

router = Router(tags=["identities"])


@router.get(
    "/{agent_id}/identities",
    operation_id="list_agent_identities",
    response=answers(list[IdentityState], READ_ONE),
)
def list_identities(request: HttpRequest, agent_id: AgentId) -> Answer:
    """List the agent's identities, oldest first."""
    actor = actor_of(request)
    seq = find_seq(agent_id, actor)
    return json_answer([] if actor.limited else identities_of(seq))


@router.patch(
    "/{agent_id}/identities/attach/{identity_id}",
    operation_id="attach_identity_to_agent",
    response=answers(AgentState, WRITE),
)
def attach(request: HttpRequest, agent_id: AgentId, identity_id: IdentityPath) -> Answer:
    """Attach an identity to the agent. Returns the agent."""
    agent = attach_identity(agent_id=agent_id, identity_id=identity_id, actor=actor_of(request))
    return agent_answer(agent_id, agent.seq, show_of(request))


@router.patch(
    "/{agent_id}/identities/detach/{identity_id}",
    operation_id="detach_identity_from_agent",
    response=answers(AgentState, WRITE),
)
def detach(request: HttpRequest, agent_id: AgentId, identity_id: IdentityPath) -> Answer:
    """Detach an identity from the agent. Returns the agent."""
    agent = detach_identity(agent_id=agent_id, identity_id=identity_id, actor=actor_of(request))
    return agent_answer(agent_id, agent.seq, show_of(request))
