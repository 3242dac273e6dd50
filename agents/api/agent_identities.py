"""/v1/agents/{id}/identities: whom an agent belongs to."""

from django.http import HttpRequest
from ninja import Router

from agents.api.agents import agent_answer, require_seq, show_of
from agents.api.answers import Answer, json_answer
from agents.api.auth import actor_of
from agents.api.bodies import AgentId
from agents.api.identity_bodies import IdentityPath
from agents.api.schemas import READ_ONE, WRITE, AgentState, IdentityState, answers
from agents.api.state import identities_of
from agents.domain.agentidentities import attach_identity, detach_identity

router = Router(tags=["identities"])


@router.get("/{agent_id}/identities", response=answers(list[IdentityState], READ_ONE))
def list_identities(request: HttpRequest, agent_id: AgentId) -> Answer:
    """The agent's identities, oldest first."""
    actor = actor_of(request)
    seq = require_seq(agent_id, actor)
    return json_answer([] if actor.limit is not None else identities_of(seq))


@router.patch("/{agent_id}/identities/attach/{identity_id}", response=answers(AgentState, WRITE))
def attach(request: HttpRequest, agent_id: AgentId, identity_id: IdentityPath) -> Answer:
    """Give the agent an identity. Answers the agent."""
    agent = attach_identity(agent_id=agent_id, identity_id=identity_id, actor=actor_of(request))
    return agent_answer(agent_id, agent.seq, show_of(request))


@router.patch("/{agent_id}/identities/detach/{identity_id}", response=answers(AgentState, WRITE))
def detach(request: HttpRequest, agent_id: AgentId, identity_id: IdentityPath) -> Answer:
    """Take an identity off the agent. Answers the agent."""
    agent = detach_identity(agent_id=agent_id, identity_id=identity_id, actor=actor_of(request))
    return agent_answer(agent_id, agent.seq, show_of(request))
