"""Rows of sources for the pictures of docs/images: run by `manage.py shell`, without a server."""

from datetime import timedelta

from django.utils import timezone

from agents.core.json_text import dumps
from agents.models import Agent, AgentSource, AgentTag, InboxItem, SourcedAgent

NOW = timezone.now()
# They look fresh as long as a picture takes.
_READ = {
    "synced_at": NOW,
    "listed_at": NOW,
    "tried_at": NOW,
    "next_try_at": NOW + timedelta(hours=1),
}


def source(name: str, kind: str, url: str, words: str, **fields: object) -> AgentSource:
    """A connected server."""
    values = {**_READ, "created_at": NOW - timedelta(days=30), "created_by": "Mara Lindqvist"}
    return AgentSource.objects.create(
        name=name, kind=kind, url=url, server_words=words, **{**values, **fields}
    )


def main() -> None:
    """Put the demo's agents at two servers, one of which does not answer."""
    prod = source(
        "letta-prod", "app-server", "wss://agents.internal.example/ws",
        "App Server 0.34.12, local backend",
    )  # fmt: skip
    down = source(
        "letta-staging", "app-server", "ws://127.0.0.1:4501/ws", "App Server 0.34.12, local backend",
        problem="The server does not answer: connection refused.", failures=6,
        synced_at=NOW - timedelta(minutes=12), next_try_at=NOW + timedelta(seconds=40),
    )  # fmt: skip
    agents = list(Agent.objects.order_by("seq"))
    for number, agent in enumerate(agents[:30]):
        at = down if number % 5 == 4 else prod
        tags = AgentTag.objects.filter(agent=agent).values_list("tag__name", flat=True)
        Agent.objects.filter(seq=agent.seq).update(source=at)
        SourcedAgent.objects.create(
            agent=agent, source=at, public_id=agent.public_id, seen_at=NOW,
            seen_tags=dumps(sorted(tags)),
        )  # fmt: skip
    moved = next(agent for agent in agents if agent.user_tag_count)
    InboxItem.objects.create(
        source=prod, kind="owner", agent_id=moved.public_id, created_at=NOW - timedelta(minutes=3),
        details=dumps({"add": ["user_7"], "remove": ["user_1"]}),
    )  # fmt: skip


main()
