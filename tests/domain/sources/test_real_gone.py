"""A real Letta 0.16 server as a source: what is deleted there, and what comes back. Set ADE_LETTA_URL."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.utils import timezone

from agents.core.errors import SourceUnavailable
from agents.domain.bulk import run
from agents.domain.crossings import at_source
from agents.domain.offboarding import receipt
from agents.domain.offboarding.begin import begin
from agents.domain.sources import opening
from agents.domain.sources.deletion.delete import delete_agent
from agents.domain.sources.deletion.restore import restore
from agents.domain.sources.take_in import take_in
from agents.domain.users import OffboardMode
from agents.models import Agent, AgentSource, Offboarding
from agents.queries.crossings import crossing_page
from agents.tasks.crossings import catch_up
from tests.helpers import ROOT, drift, make_manager, tags_of
from tests.net.scripted import relay

pytestmark = [pytest.mark.prove, pytest.mark.django_db(transaction=True)]


@dataclass
class Real:
    """The server, with a tag of this test alone, which its agents and blocks are found by."""

    http: httpx.Client
    source: AgentSource
    user: str = field(default_factory=lambda: f"run:{uuid4().hex[:12]}")
    blocks: list[str] = field(default_factory=list)

    def get(self, path: str) -> Any:
        return self.http.get(path).raise_for_status().json()

    def block(self, label: str, value: str) -> str:
        """Make a memory block there."""
        body = {"label": label, "value": value}
        made = self.http.post("/v1/blocks/", json=body).raise_for_status().json()["id"]
        self.blocks.append(made)
        return str(made)

    def agent(self, name: str, *tags: str, blocks: tuple[str, ...] = (), own: str = "") -> Agent:
        """Make an agent there and take it in."""
        body = {
            "name": name, "tags": [*tags, self.user], "model": "openai-proxy/gpt-4o-mini",
            "embedding": "openai/text-embedding-ada-002", "block_ids": list(blocks),
            "memory_blocks": [{"label": "human", "value": own}] if own else [],
        }  # fmt: skip
        made = self.http.post("/v1/agents/", json=body).raise_for_status().json()["id"]
        with opening.connect_to(self.source) as connector:
            seen = connector.agent(made, seconds=30)
        take_in(source=self.source, agents=[seen], clock=self.source.push_clock)
        return Agent.objects.get(public_id=made)

    def memory(self, agent_id: str) -> dict[str, str]:
        """The blocks of an agent there, by label."""
        return {b["label"]: b["id"] for b in self.get(f"/v1/agents/{agent_id}/core-memory/blocks")}

    def words(self, text: str) -> list[str]:
        """The blocks there that have these words."""
        found = self.get(f"/v1/blocks/?value_search={text}&limit=100")
        return [block["id"] for block in found if text in block["value"]]


@pytest.fixture
def real(settings: Any) -> Iterator[Real]:
    url = os.environ.get("ADE_LETTA_URL")
    if not url:
        pytest.skip("needs a real Letta server, which ADE_LETTA_URL names")
    settings.SOURCE_ALLOWED_NETWORKS = [ip_network("0.0.0.0/0"), ip_network("::/0")]
    now = timezone.now()
    source = AgentSource.objects.create(
        name="real",
        kind="letta",
        url=opening.checked_address(url, "letta", token=False),  # type: ignore[arg-type]
        created_at=now,
        created_by="test",
        listed_at=now,
    )
    with httpx.Client(base_url=url, timeout=60) as http:
        about = Real(http, source)
        source.only_tag = about.user
        source.save()
        yield about
        for agent in about.get(f"/v1/agents/?tags={about.user}&limit=100"):
            about.blocks += about.memory(agent["id"]).values()
            http.delete(f"/v1/agents/{agent['id']}")
        for block_id in about.blocks:
            http.delete(f"/v1/blocks/{block_id}")


def test_a_deleted_agent_is_made_again(real: Real) -> None:
    shared = real.block("company", "the handbook")
    other = real.agent("other", blocks=(shared,))
    agent = real.agent("Nova", "user_1", blocks=(shared,), own="Jane, 555-0100")
    before = real.get(f"/v1/agents/{agent.public_id}")
    delete_agent(agent_id=agent.public_id, actor=ROOT)
    own = next(b["id"] for b in before["memory"]["blocks"] if b["label"] == "human")
    assert real.http.get(f"/v1/blocks/{own}").status_code == 404
    back = restore(agent_ids=[agent.public_id], actor=ROOT)
    assert back.failed == {}
    [new] = back.agents
    after = real.get(f"/v1/agents/{new.public_id}")
    same = ("name", "system", "description", "metadata", "agent_type", "llm_config", "timezone")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert sorted(after["tags"]) == sorted(before["tags"]) == tags_of(new)
    memory = real.memory(new.public_id)
    assert memory["company"] == shared == real.memory(other.public_id)["company"]
    assert real.get(f"/v1/blocks/{memory['human']}")["value"] == "Jane, 555-0100"
    assert len(real.words("the handbook")) == 1
    assert drift() == []


def test_off_boarding_leaves_no_word_there(real: Real) -> None:
    """Own block, shared block, archive and messages; the server stops half-way and comes back."""
    word = uuid4().hex
    shared = real.block("company", "the handbook")
    other = real.agent("other", blocks=(shared,))
    mine = [
        real.agent(name, "user_gone", blocks=(shared,), own=f"Jane {word} {name}")
        for name in ("one", "two")
    ]
    first = mine[0].public_id
    passage = {"text": f"Jane's {word}"}
    real.http.post(f"/v1/agents/{first}/archival-memory", json=passage).raise_for_status()
    said = {"messages": [{"role": "user", "content": word}]}
    real.http.post(f"/v1/agents/{first}/messages", json=said).raise_for_status()
    [archive] = [one["id"] for one in real.get(f"/v1/archives/?agent_id={first}")]
    with relay(str(real.http.base_url)) as (url, opened):
        AgentSource.objects.update(url=opening.checked_address(url, "letta", token=False))  # type: ignore[arg-type]
        begun = begin(name="user_gone", how=OffboardMode.AGENTS, actor=make_manager())
        assert begun.job is not None
        opened.clear()
        with pytest.raises(SourceUnavailable):
            run.step(begun.job.id)
        row = Offboarding.objects.get(id=begun.offboarding.id)
        assert {item.seen for item in row.items.filter(place="real")} == {"not reachable"}
        opened.set()
        AgentSource.objects.update(problem="", next_try_at=None)
        while run.step(begun.job.id):
            pass
        opened.clear()
        row = receipt.check(offboarding_id=row.id, actor=make_manager())
        assert "not reachable" in {item.seen for item in row.items.filter(place="real")}
        opened.set()
        AgentSource.objects.update(problem="", next_try_at=None)
        row = receipt.check(offboarding_id=row.id, actor=make_manager())
    there = {(item.kind, item.public_id): item.seen for item in row.items.filter(place="real")}
    assert there["blocks", shared] == "kept"
    assert there["archives", archive] == "gone"
    assert {seen for (_, public_id), seen in there.items() if public_id != shared} == {"gone"}
    assert len(there) == 6  # two agents, their own blocks, the archive, the shared block
    assert real.words(word) == []
    assert real.http.get(f"/v1/archives/{archive}").status_code == 404
    assert [real.http.get(f"/v1/agents/{agent.public_id}").status_code for agent in mine] == [
        404
    ] * 2
    assert real.memory(other.public_id)["company"] == shared


def test_a_shared_block_is_found_separated_and_shared_again(real: Real) -> None:
    shared = real.block("company", "the handbook")
    one = real.agent("one", "user_1", blocks=(shared,))
    two = real.agent("two", "user_2", blocks=(shared,))
    assert catch_up(seconds=60)
    [crossing] = crossing_page(actor=ROOT, size=9).rows
    assert (crossing.row.public_id, crossing.place) == (shared, "real")
    done = at_source.begin(source_id=real.source.id, block_id=shared, actor=ROOT)
    assert at_source.carry_out(change_set_id=done.id, actor=ROOT).left == 0
    copy = real.memory(two.public_id)["company"]
    real.blocks.append(copy)
    assert (real.memory(one.public_id)["company"], copy != shared) == (shared, True)
    assert real.get(f"/v1/blocks/{copy}")["value"] == "the handbook"
    assert crossing_page(actor=ROOT, size=9).rows == []
    undo = at_source.begin_undo(change_set_id=done.id, actor=ROOT)
    assert at_source.carry_out(change_set_id=undo.id, actor=ROOT).left == 0
    assert real.memory(two.public_id)["company"] == shared
    assert real.http.get(f"/v1/blocks/{copy}").status_code == 404
