"""Short ways to make what tests need, through the domain functions."""

from typing import Any

from django.contrib.auth import get_user_model

from agents.actors import Actor, command_actor
from agents.domain.agents import create_agent
from agents.domain.newagents import NewAgent
from agents.models import Agent, AgentTag

ROOT = command_actor("test")


def make_agent(*, tags: list[str] | None = None, actor: Actor = ROOT, **fields: Any) -> Agent:
    """An agent; `fields` as in NewAgent."""
    spec = NewAgent(**{"model": "letta/letta-free", "tags": tags or [], **fields})
    return create_agent(spec, actor=actor)


def make_user(username: str = "mara", *, role: str = "editor", **fields: Any) -> Any:
    """A member of staff with the password `correct horse`."""
    users = get_user_model().objects
    return users.create_user(username, password="correct horse", role=role, **fields)


def tags_of(agent: Agent) -> list[str]:
    """The agent's tags as they stand in the database, ordered by their bytes."""
    names = AgentTag.objects.filter(agent_id=agent.seq).values_list("tag__name", flat=True)
    return sorted(names)
