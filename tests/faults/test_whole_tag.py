"""A tag on very many agents merged, stopped, resumed, undone and deleted, beside writers and readers.

In the suite with a few thousand agents; with AGENTS (333,000) in `make prove`.
"""

import os
import time
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from tests.faults.crowd import Crowd, Waits
from tests.faults.databases import a_database
from tests.faults.looking import looked
from tests.faults.servers import served
from tests.scaling.databases import manage

AGENTS = int(os.environ.get("WHOLE_TAG_AGENTS", "333000"))
# A share of the writes, and seconds that its wait and the longest wait may be above those of the same load
# without the change.
PROVED = 0.999, 0.5, 1.0
GENEROUS = 0.99, 2.0, 4.0  # beside other tests on the same processors; a few hundred writes a phase
OLD, NEW = "user_old", "user_new"
GIVE = f"""
from django.db import transaction
from agents.core.actors import command_actor
from agents.domain.core import record
from agents.domain.tags import tag_rows, write_all
from agents.models import Act, Agent
with transaction.atomic():
    actor = command_actor("test")
    tag = tag_rows.lock_or_create(["{OLD}"])[0]
    tag_rows.get_or_create(["{NEW}"])
    with write_all.delta():
        write_all.gather("SELECT seq, %s, 1 FROM agents_agent", [tag.id])
        write_all.apply(record.open_change_set(actor=actor, act=Act.TAGS), {{tag.id: tag}})
print(",".join(Agent.objects.order_by("?").values_list("public_id", flat=True)[:2000]))
"""


class Run:
    """A change of the whole tag, by its address."""

    def __init__(self, client: httpx.Client, begun: httpx.Response) -> None:
        assert begun.status_code == 202, begun.text
        self._client, self.id = client, begun.json()["id"]

    def now(self) -> dict[str, object]:
        return dict(self._client.get(f"/v1/bulk/{self.id}").json())

    def ask(self, what: str) -> "Run":
        answer = self._client.post(f"/v1/bulk/{self.id}/{what}")
        assert answer.status_code in (200, 202), answer.text
        return Run(self._client, answer) if what == "undo" else self

    def seconds(self) -> float:
        """From its begin to its end."""
        now = self.now()
        ends = [datetime.fromisoformat(str(now[name])) for name in ("started_at", "finished_at")]
        return (ends[1] - ends[0]).total_seconds()

    def is_done(self) -> bool:
        return self.now()["state"] == "done"

    def is_half_done(self) -> bool:
        now = self.now()
        return int(str(now["looked"])) * 2 > int(str(now["matched"]))


def measured(folder: Path, agents: int, quiet: float, longest: float) -> dict[str, Waits]:
    """Each phase with the waits of the others; `quiet` seconds of the same load without a change."""
    settings = {"RATE_PER_CALLER": "1000000", "WHOLE_TAG_AT_ONCE": "1000"}
    with a_database(folder, **settings) as made, served(made.environment, folder) as server:
        manage("bench_data", f"--agents={agents}", "--append", "-v0", environment=made.environment)
        herd = manage("shell", "-v0", "-c", GIVE, environment=made.environment).split(",")
        headers = {"Authorization": f"Bearer {made.token}"}
        crowd = Crowd(server.address, made.token, herd, (OLD, NEW))
        client = httpx.Client(base_url=server.address, headers=headers, timeout=60)
        with client, crowd.working():
            crowd.phase(lambda: True, seconds=1)
            seen = {"without": alone(crowd, quiet)}
            body = {"name": OLD, "into": NEW, "apply": True}
            merge = Run(client, client.post("/v1/tags/merge", json=body))
            seen["merge"] = crowd.phase(merge.is_half_done, seconds=longest)
            merge.ask("stop")
            seen["stopped"] = alone(crowd, quiet / 2)
            merge.ask("resume")
            seen["resumed"] = crowd.phase(merge.is_done, seconds=longest)
            undo = merge.ask("undo")
            seen["undo"] = crowd.phase(undo.is_done, seconds=longest)
            assert crowd.torn == []
            body = {"name": OLD, "apply": True}
            delete = Run(client, client.post("/v1/tags/delete", json=body))
            seen["delete"] = crowd.phase(delete.is_done, seconds=longest)
            took = {
                name: one.seconds()
                for name, one in (("merge", merge), ("undo", undo), ("delete", delete))
            }
            print(f"{agents:,} agents; seconds {took}")
            found = client.get("/v1/agents/", params={"tags": OLD}).json()
        assert found == []
        print(looked(made.environment, []))
    return seen


def alone(crowd: Crowd, seconds: float) -> Waits:
    """The same load, for so long, while nothing else is done."""
    end = time.monotonic() + seconds
    return crowd.phase(lambda: time.monotonic() > end, seconds=2 * seconds)


def judged(seen: dict[str, Waits], part: float, later: float, longer: float) -> None:
    """No 503 and no other failure, and nobody waits much longer than without the change."""
    for name, waits in seen.items():
        print(f"{name}: {waits}")
    without = seen["without"]
    for name, waits in seen.items():
        assert set(waits.statuses) <= {200}, name
        assert waits.share(part) <= without.share(part) + later, name
        assert waits.share(1.0) <= without.share(1.0) + longer, name


def test_others_write_on_beside_it(tmp_path: Path) -> None:
    judged(measured(tmp_path, 2_500, quiet=5, longest=120), *GENEROUS)


@pytest.mark.prove
def test_others_write_on_beside_very_many(tmp_path: Path) -> None:
    judged(measured(tmp_path, AGENTS, quiet=60, longest=7200), *PROVED)
