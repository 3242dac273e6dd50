"""A stand-in server, connected as a source."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

import pytest

from agents.core.actors import Actor
from agents.domain.sources import manage, opening
from agents.domain.sources.pull import Memory, Pulled, pull
from agents.domain.sources.push import Pushed, due, mark_next, push
from agents.domain.tags.edit import change_tags
from agents.models import Agent, AgentSource, InboxItem, SourcedAgent
from tests.domain.sources.stand_in import StandIn, stand_in
from tests.helpers import ROOT, tags_of


@dataclass
class Connected:
    """A source, its server, and what the worker does with it, step by step."""

    server: StandIn
    name: str = "local"
    memory: Memory = field(default_factory=Memory)

    @property
    def source(self) -> AgentSource:
        """The row as it is now."""
        return AgentSource.objects.get(name=self.name)

    def add(self, **settings: Any) -> "Connected":
        """Connect the server."""
        manage.add_source(name=self.name, url=self.server.url, actor=ROOT, **settings)
        return self

    def pull(self, *, whole: bool = False) -> Pulled:
        """Read the source once."""
        with opening.connect_to(self.source) as connector:
            return pull(connector, self.source, self.memory, whole=whole)

    def push(self) -> list[Pushed]:
        """Send everything that is due."""
        results = []
        with opening.connect_to(self.source) as connector:
            while mark_next(source_id=self.source.id):
                pass
            while row := due(self.source.id).values_list("public_id", flat=True).first():
                results.append(push(connector, self.source, row))
        return results

    def row(self, agent_id: str) -> SourcedAgent:
        """What is known of an agent there."""
        return SourcedAgent.objects.get(source=self.source, public_id=agent_id)

    def tags(self, agent_id: str) -> list[str]:
        """The tags of the agent in ADE."""
        return tags_of(Agent.objects.get(public_id=agent_id))

    def edit(self, agent_id: str, *, actor: Actor = ROOT, **change: list[str]) -> None:
        """Change tags in ADE."""
        change_tags(agent_id=agent_id, actor=actor, **change)

    def inbox(self) -> list[tuple[str, str, str]]:
        """The open questions: kind, agent and tag."""
        items = InboxItem.objects.filter(source=self.source, decided_at=None).order_by("id")
        return list(items.values_list("kind", "agent_id", "tag"))


@pytest.fixture(autouse=True)
def _loopback(settings: Any) -> None:
    settings.SOURCE_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]


@pytest.fixture
def server() -> Iterator[StandIn]:
    with stand_in() as running:
        yield running


@pytest.fixture
def local(server: StandIn) -> Connected:
    """The stand-in, connected and read once while it had no agents."""
    connected = Connected(server).add()
    connected.pull()
    return connected
