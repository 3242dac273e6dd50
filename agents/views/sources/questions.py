"""The questions of the inbox as pages show them."""

from dataclasses import dataclass, field
from typing import Any

from agents.core.actors import Actor
from agents.core.json_text import loads
from agents.domain.sources.inbox import CAN_PUT_BACK
from agents.models import Agent, InboxItem

_NAMED = 5  # agents of a question that are named


@dataclass(frozen=True, slots=True)
class Question:
    """A question as the page shows it."""

    item: InboxItem
    agent: Agent | None
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def can_put_back(self) -> bool:
        return self.item.kind in CAN_PUT_BACK

    @property
    def agents(self) -> list[str]:
        """The ids of the agents that it is about, at most five."""
        return [str(agent_id) for agent_id in self.details.get("agents", [])][:_NAMED]

    @property
    def count(self) -> int:
        return int(self.details.get("count", len(self.details.get("agents", []))))


def questions_of(items: list[InboxItem], actor: Actor) -> list[Question]:
    """The questions with their agents."""
    ids = {item.agent_id for item in items if item.agent_id}
    found = Agent.objects.visible_to(actor).filter(public_id__in=ids)
    agents = {agent.public_id: agent for agent in found}
    return [Question(item, agents.get(item.agent_id), loads(item.details)) for item in items]
