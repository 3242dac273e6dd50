"""The largest requests that are one transaction end soon: other writers wait for each of them."""

import json
import time
from collections.abc import Callable

import pytest

from agents.core.limits import (
    BLOCKS_PER_AGENT,
    IMPORT_AGENTS,
    IMPORT_BLOCKS,
    IMPORT_TAGS,
    TAGS_PER_REQUEST,
)
from agents.domain.agents.new import NewAgent, NewBlock
from agents.domain.agents.write import create_agent
from agents.domain.memory.write import update_block
from agents.domain.saved_views import save_view
from agents.domain.transfer.agent_file import parse
from agents.domain.transfer.import_file import import_file
from agents.models import Agent, AgentBlock, AgentTag
from tests.helpers import ROOT, drift, make_agent, replace_tags

pytestmark = pytest.mark.django_db(transaction=True)

# Of this process alone, so that other tests do not count. The first two take under 2 on a busy machine.
SECONDS = 4


def largest_import() -> None:
    tags, blocks = IMPORT_TAGS // IMPORT_AGENTS, IMPORT_BLOCKS // IMPORT_AGENTS
    agents = [
        {
            "id": f"agent-{n}",
            "name": f"n{n}" * 100,
            "model": "a/b",
            "tags": [f"{n}-{tag}" * 20 for tag in range(tags)],
            "block_ids": [f"block-{n}-{block}" for block in range(blocks)],
        }
        for n in range(IMPORT_AGENTS)
    ]
    rows = [
        {"id": f"block-{n}-{block}", "label": f"l{block}", "value": "v" * 1000}
        for n in range(IMPORT_AGENTS)
        for block in range(blocks)
    ]
    file = parse(json.dumps({"agents": agents, "blocks": rows}).encode())
    timed(lambda: import_file(file, actor=ROOT))
    assert (Agent.objects.count(), AgentBlock.objects.count()) == (IMPORT_AGENTS, IMPORT_BLOCKS)


def largest_agent() -> None:
    tags = [f"{n}-" + "\ufdfa" * 500 for n in range(TAGS_PER_REQUEST)]
    blocks = [NewBlock(f"l{n}", "v" * 20_000) for n in range(BLOCKS_PER_AGENT)]
    spec = NewAgent(model="a/b", name="n" * 512, tags=tags, blocks=blocks)
    timed(lambda: create_agent(spec, actor=ROOT))
    assert AgentTag.objects.count() == TAGS_PER_REQUEST


def largest_edit() -> None:
    agent = make_agent(tags=[f"old-{n}" for n in range(TAGS_PER_REQUEST)])
    tags = [f"new-{n}" for n in range(TAGS_PER_REQUEST)]
    timed(lambda: replace_tags(agent_id=agent.public_id, tags=tags, actor=ROOT))
    assert AgentTag.objects.count() == TAGS_PER_REQUEST


def largest_block() -> None:
    agent = make_agent(blocks=[NewBlock("human", "", limit=1_000_000)])
    timed(
        lambda: update_block(
            agent_id=agent.public_id, label="human", actor=ROOT, value="v" * 1_000_000
        )
    )
    assert AgentBlock.objects.get().block.value == "v" * 1_000_000


def largest_view() -> None:
    pairs = [("any", f"{n}-" + "t" * 500) for n in range(50)]
    timed(lambda: save_view(name="seen", pairs=pairs, shared=True, pinned=True, actor=ROOT))


def timed(write: Callable[[], object]) -> None:
    started = time.process_time()
    write()
    seconds = time.process_time() - started
    print(f"{seconds:.2f} s")
    assert seconds < SECONDS


@pytest.mark.parametrize(
    "write", [largest_import, largest_agent, largest_edit, largest_block, largest_view]
)
def test_the_largest_write_ends_soon(write: Callable[[], None]) -> None:
    write()
    assert drift() == []
