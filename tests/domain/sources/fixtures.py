"""A small Letta server that is connected as the source `prod`."""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest
from django.utils import timezone

from agents.domain.sources.take_in import take_in
from agents.models import Agent, AgentSource
from agents.net.connectors.base import SeenAgent
from tests.net.scripted import Letta, letta_server


@pytest.fixture
def letta(settings: Any) -> Iterator[Letta]:
    settings.SOURCE_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]
    with letta_server() as server:
        yield server


@pytest.fixture
def letta_source(letta: Letta, db: None) -> AgentSource:
    now = timezone.now()
    return AgentSource.objects.create(
        name="prod", kind="letta", url=letta.url, created_at=now, created_by="test", listed_at=now
    )


def known(letta: Letta, letta_source: AgentSource, **more: Any) -> Agent:
    """An agent of the source that ADE knows; what was asked so far is forgotten."""
    there = letta.make(**more)
    fields = {name: value for name, value in there.items() if name != "tags"}
    seen = SeenAgent(there["id"], there["name"], tuple(there["tags"]), False, fields)
    take_in(source=letta_source, agents=[seen], clock=0)
    letta.asked.clear()
    return Agent.objects.get(public_id=there["id"])
