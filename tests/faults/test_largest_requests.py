"""The largest legal request of each kind, sent beside eight writers and four readers.

No answer is 503, and the others wait little longer than without it. Changes of a whole tag have their
own test, test_whole_tag.py.
"""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from agents.core.limits import (
    BLOCKS_PER_AGENT,
    BULK_AT_ONCE,
    IMPORT_AGENTS,
    IMPORT_BLOCKS,
    IMPORT_TAGS,
    TAGS_PER_REQUEST,
)
from tests.faults.crowd import Crowd, Waits
from tests.faults.databases import a_database
from tests.faults.servers import served
from tests.scaling.databases import manage

# Seconds that p99.9 and the longest wait may be above those of the same load without the request.
PROVED = 0.5, 1.0
GENEROUS = 6.0, 12.0  # beside other tests on the same processors
PAIR = ("user_0", "user_1")
GIVE = """
from agents.core.actors import command_actor
from agents.domain.agents.new import NewAgent
from agents.domain.agents.write import create_agents
actor = command_actor("test")
specs = [NewAgent(model="a/b", tags=[f"user_{n % 2}"]) for n in range(2100)]
print(",".join(a.public_id for part in range(0, 2100, 300) for a in create_agents(specs[part:part + 300], actor=actor)))
"""


def import_file() -> dict[str, object]:
    tags, blocks = IMPORT_TAGS // IMPORT_AGENTS, IMPORT_BLOCKS // IMPORT_AGENTS
    agents = [
        {
            "id": f"agent-{n}",
            "name": f"n{n}",
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
    content = json.dumps({"agents": agents, "blocks": rows}).encode()
    return {"files": {"file": ("x.af", content, "application/octet-stream")}}


def requests(herd: list[str]) -> Iterator[tuple[str, Callable[[httpx.Client], httpx.Response]]]:
    """Yield a name and a call for each kind of large request."""
    tags = [f"{n}-" + "t" * 500 for n in range(TAGS_PER_REQUEST)]
    blocks = [{"label": f"l{n}", "value": "v" * 20_000} for n in range(BLOCKS_PER_AGENT)]
    body = {"model": "a/b", "tags": tags, "memory_blocks": blocks}
    rows = [{"agent_id": agent, "tag": f"row-{n}"} for agent in herd[:100] for n in range(50)]
    yield "import", lambda client: client.post("/v1/agents/import", **import_file())
    yield "create", lambda client: client.post("/v1/agents/", json=body)
    yield "replace tags", lambda client: client.patch(f"/v1/agents/{herd[0]}", json={"tags": tags})
    yield "rows", lambda client: bulk(client, "/v1/bulk/rows", {"rows": rows})
    wanted = {
        "filter": {},
        "op": "add",
        "add": [f"all-{n}" for n in range(50)],
        "agent_ids": herd[:1000],
    }
    yield "bulk", lambda client: bulk(client, "/v1/bulk/", wanted)


def bulk(client: httpx.Client, path: str, body: dict[str, object]) -> httpx.Response:
    """Plan a change and apply it; within BULK_AT_ONCE agents the request itself does all of it."""
    planned = client.post(path, json=body)
    if planned.status_code not in (200, 202):
        return planned
    return client.post(f"/v1/bulk/{planned.json()['id']}/apply")


def measured(folder: Path, quiet: float, times: int) -> dict[str, Waits]:
    """What the others met without a large request (`quiet` seconds) and beside each kind of them."""
    with (
        a_database(folder, RATE_PER_CALLER="1000000") as made,
        served(made.environment, folder) as server,
    ):
        herd = manage("shell", "-v0", "-c", GIVE, environment=made.environment).split(",")
        herd = [agent.strip() for agent in herd]
        assert len(herd) > BULK_AT_ONCE
        crowd = Crowd(server.address, made.token, herd[1000:], PAIR)
        headers = {"Authorization": f"Bearer {made.token}"}
        with (
            httpx.Client(base_url=server.address, headers=headers, timeout=120) as client,
            crowd.working(),
        ):
            crowd.phase(lambda: True, seconds=1)
            end = time.monotonic() + quiet
            seen = {"without": crowd.phase(lambda: time.monotonic() > end, seconds=2 * quiet)}
            for name, send in requests(herd):
                answers: list[httpx.Response] = []

                def is_done(send: Callable[..., httpx.Response] = send) -> bool:
                    answers.append(send(client))  # noqa: B023  # called in this round only
                    return len(answers) >= times  # noqa: B023

                seen[name] = crowd.phase(is_done, seconds=120 * times)
                assert {answer.status_code for answer in answers} <= {200}, answers[-1].text
    return seen


def judged(seen: dict[str, Waits], later: float, longer: float) -> None:
    """Nobody gets 503, and nobody waits much longer than without the request."""
    for name, waits in seen.items():
        print(f"{name}: {waits}")
    without = seen["without"]
    for name, waits in seen.items():
        assert set(waits.statuses) <= {200}, name
        if waits.writes:
            assert waits.share(0.999) <= without.share(0.999) + later, name
            assert waits.share(1.0) <= without.share(1.0) + longer, name


def test_others_write_on_beside_the_largest_requests(tmp_path: Path) -> None:
    judged(measured(tmp_path, quiet=4, times=1), *GENEROUS)


@pytest.mark.prove
def test_others_write_on_beside_many_of_them(tmp_path: Path) -> None:
    judged(measured(tmp_path, quiet=30, times=5), *PROVED)
