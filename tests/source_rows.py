"""Rows of sources for tests that need no server."""

from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from agents.core.json_text import dumps
from agents.models import Agent, AgentSource, SourcedAgent


def make_source(name: str = "letta-prod", **fields: Any) -> AgentSource:
    """A connected App Server that was read just now."""
    now = timezone.now()
    values = {
        "kind": "app-server",
        "url": "wss://agents.example/ws",
        "created_at": now,
        "created_by": "Ann",
        "synced_at": now,
        "listed_at": now,
        "server_words": "App Server 0.34.12, local backend",
    }
    return AgentSource.objects.create(name=name, **(values | fields))


def put_at(agent: Agent, source: AgentSource, *, seen: Sequence[str] = (), **fields: Any) -> None:
    """Say that the agent runs at the source, which listed these tags last."""
    row = {"source": source, "public_id": agent.public_id, "seen_at": timezone.now()}
    seen_tags = dumps(sorted(seen))
    Agent.objects.filter(seq=agent.seq).update(source=source)
    agent.source_id = source.pk
    SourcedAgent.objects.create(agent=agent, seen_tags=seen_tags, **(row | fields))
