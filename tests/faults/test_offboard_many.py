"""10,000 agents of one user are off-boarded beside eight writers: how long the others wait, and the receipt."""

import os
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.faults.crowd import Crowd
from tests.faults.databases import a_database
from tests.faults.servers import served
from tests.faults.test_whole_tag import alone
from tests.scaling.databases import manage

AGENTS = int(os.environ.get("OFFBOARD_AGENTS", "10000"))
LONGEST = 0.5  # seconds that another writer may wait, more than without it
GONE, OTHER = "user_gone", "user_other"
MAKE = f"""
from agents.core.actors import command_actor
from agents.domain.agents.new import NewAgent
from agents.domain.agents.write import create_agents
from agents.domain.memory.new import NewBlock
from agents.models import Agent
def make(count, tags):
    for start in range(0, count, 500):
        specs = [
            NewAgent(
                model="a/b", name=f"Agent {{n}}", tags=[*tags, "vip", f"t{{n % 50}}"],
                blocks=[NewBlock("human", f"Jane {{n}}"), NewBlock("persona", "Kind")],
            )
            for n in range(start, start + 500)
        ]
        create_agents(specs, actor=command_actor("test"))
make({AGENTS}, ["{GONE}"])
make(2000, ["{OTHER}"])
print(",".join(Agent.objects.filter(agenttag__tag__name="{OTHER}").values_list("public_id", flat=True)))
"""


@pytest.mark.prove
def test_others_write_on_and_the_receipt_is_complete(tmp_path: Path) -> None:
    settings = {"RATE_PER_CALLER": "1000000"}
    with a_database(tmp_path, **settings) as made, served(made.environment, tmp_path) as server:
        herd = manage("shell", "-v0", "-c", MAKE, environment=made.environment).split(",")
        crowd = Crowd(server.address, made.token, herd, (GONE, OTHER))
        headers = {"Authorization": f"Bearer {made.token}"}
        client = httpx.Client(base_url=server.address, headers=headers, timeout=60)
        with client, crowd.working():
            crowd.phase(lambda: True, seconds=1)
            without = alone(crowd, 30)
            body = {"name": GONE, "how": "agents", "apply": True}
            begun = time.monotonic()
            answer = client.post("/v1/users/offboard", json=body)
            assert answer.status_code == 202, answer.text
            run, receipt = (
                f"/v1/bulk/{answer.json()['id']}",
                f"/v1/users/offboardings/{answer.headers['X-ADE-Receipt']}",
            )
            deleting = crowd.phase(lambda: client.get(run).json()["state"] == "done", seconds=1200)
            took = time.monotonic() - begun
            checking = crowd.phase(lambda: client.get(receipt).json()["complete"], seconds=1200)
            print(f"deleted in {took:.1f} s, receipt complete after {time.monotonic() - begun:.1f}")
            found = client.get(receipt).json()
        for name, waits in (("without", without), ("deleting", deleting), ("receipt", checking)):
            print(f"{name}: {waits}")
        seen = Counter((item["kind"], item["seen"]) for item in found["items"])
        assert seen == {("agents", "gone"): AGENTS, ("blocks", "gone"): 2 * AGENTS}
        for waits in (deleting, checking):
            assert set(waits.statuses) <= {200}
            assert waits.share(1.0) <= without.share(1.0) + LONGEST
