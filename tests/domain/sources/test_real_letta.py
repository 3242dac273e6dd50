"""A real Letta 0.16 server as a source: make prove, with ADE_LETTA_URL."""

import os
from ipaddress import ip_network
from typing import Any

import httpx
import pytest
from django.utils import timezone

from agents.domain.agents.edit import AgentEdit
from agents.domain.agents.new import NewAgent
from agents.domain.memory.new import NewBlock
from agents.domain.memory.write import BlockEdit
from agents.domain.sources import memory, opening, through
from agents.domain.sources.deletion.delete import delete_agent
from agents.domain.sources.push import push
from agents.domain.tags.edit import change_tags
from agents.models import Agent, AgentSource, SourcedAgent
from tests.helpers import ROOT, drift, tags_of

pytestmark = [pytest.mark.prove, pytest.mark.django_db]


@pytest.fixture
def real(settings: Any) -> AgentSource:
    url = os.environ.get("ADE_LETTA_URL")
    if not url:
        pytest.skip("needs a real Letta server, which ADE_LETTA_URL names")
    settings.SOURCE_ALLOWED_NETWORKS = [ip_network("0.0.0.0/0"), ip_network("::/0")]
    address = opening.checked_address(url, "letta", token=False)  # type: ignore[arg-type]
    now = timezone.now()
    return AgentSource.objects.create(
        name="real", kind="letta", url=address, created_at=now, created_by="test", listed_at=now
    )


def test_agent_lives_there_and_here(real: AgentSource) -> None:
    spec = NewAgent(
        name="of ADE",
        model="letta/letta-free",
        embedding="letta/letta-free",
        description="first",
        tags=["user_1", "ä😀"],
        blocks=[NewBlock("human", "Ann")],
    )
    agent = through.create_agent(spec, source="real", actor=ROOT)
    url = f"{real.url}/v1/agents/{agent.public_id}"
    try:
        mark = SourcedAgent.objects.get(agent=agent).moved
        assert sorted(httpx.get(url).json()["tags"]) == ["user_1", "ä😀"]
        edit = AgentEdit(name="renamed", description=None, system="You are Ann.")
        through.update_agent(agent_id=agent.public_id, edit=edit, actor=ROOT)
        there = httpx.get(url).json()
        assert (there["name"], there["description"], there["system"]) == (
            "renamed",
            "",
            "You are Ann.",
        )
        change_tags(agent_id=agent.public_id, add=["vip"], remove=["user_1"], actor=ROOT)
        with opening.connect_to(real) as connector:
            assert push(connector, real, agent.public_id).done
            batches = connector.changed(mark, seconds=60) or []
            assert agent.public_id in [seen.id for batch in batches for seen in batch]
        assert sorted(httpx.get(url).json()["tags"]) == ["vip", "ä😀"] == tags_of(agent)
        block = memory.edit_block(
            agent_id=agent.public_id, label="human", edit=BlockEdit(value="Bea"), actor=ROOT
        )
        assert block is not None
        assert httpx.get(f"{url}/core-memory/blocks/human").json()["value"] == "Bea"
        assert drift() == []
    finally:
        delete_agent(agent_id=agent.public_id, actor=ROOT)
    assert httpx.get(url).status_code == 404
    assert Agent.objects.count() == 0
