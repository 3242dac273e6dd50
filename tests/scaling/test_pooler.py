"""ADE behind poolers that lend a connection for one transaction: nothing of it lives in a session."""

import contextlib
import itertools
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.scaling.databases import ade, environment_of, eventually, make_people, manage, replicated
from tests.scaling.pooler import pooled

pytestmark = [pytest.mark.prove, pytest.mark.only_postgres]

CLIENTS, ROUNDS = 16, 5
BACK_WITHIN = 15.0  # seconds


def test_all_kinds_of_work_share_two_connections(tmp_path: Path) -> None:
    with replicated() as (primary,), pooled(primary) as pooler:
        direct = environment_of([primary], STATIC_ROOT=str(tmp_path / "static"))
        manage("collectstatic", "--no-input", "-v0", environment=direct)
        keys = make_people(direct, keys={"app": None})
        environment = direct | environment_of([pooler]) | {"POOLER": "transaction"}
        with ade(environment, tmp_path / "log") as address:
            headers = {"Authorization": f"Bearer {keys['app']}"}
            with httpx.Client(base_url=f"{address}/v1", headers=headers, timeout=60) as client:
                with ThreadPoolExecutor(CLIENTS) as pool:
                    wrong = list(pool.map(lambda one: work(client, one), range(CLIENTS)))
                assert wrong == [[]] * CLIENTS
                assert client.get("/agents/count").json() == CLIENTS * ROUNDS
        backends = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
        assert primary.ask(backends, database="ade")[0][0] <= 3  # its two, and ours
        assert manage("recount", environment=direct) == "All counts are correct."


def work(client: httpx.Client, number: int) -> list[str]:
    """Write and read in every way that needs more than one statement; what was not answered 200."""
    wrong: list[str] = []

    def call(method: str, path: str, **more: object) -> object:
        response = client.request(method, path, **more)
        if response.status_code != 200:
            wrong.append(f"{method} {path}: {response.status_code} {response.text[:200]}")
            return {}
        return response.json()

    for count in range(ROUNDS):
        tag = f"user_{number}_{count}"
        block = {"label": "human", "value": f"the value {number}"}
        body = {"model": "letta/letta-free", "tags": [tag, "all"], "memory_blocks": [block]}
        made = call("POST", "/agents/", json=body)
        if not isinstance(made, dict) or not made:
            continue
        call("POST", f"/agents/{made['id']}/tags", json={"add": ["vip"], "remove": []})
        call("PATCH", f"/agents/{made['id']}", json={"name": "Nova"})
        if [one["id"] for one in call("GET", "/agents/", params={"tags": tag})] != [made["id"]]:
            wrong.append(f"{tag} is not in its list")
        # A cursor of the server's reads this; a table for the time being and a snapshot, those.
        call("GET", "/blocks/", params={"value_search": f"value {number}", "limit": 1000})
        call("GET", "/agents/", params={"tags": ["all", "vip"], "match_all_tags": "true"})
        call("GET", "/history/")
    return wrong


def test_a_pooler_that_is_pointed_at_the_new_primary_is_all_it_takes(tmp_path: Path) -> None:
    with (
        replicated("replica") as (primary, replica),
        pooled(primary) as first,
        pooled(replica) as second,
    ):
        direct = environment_of([primary], STATIC_ROOT=str(tmp_path / "static"))
        manage("collectstatic", "--no-input", "-v0", environment=direct)
        keys = make_people(direct, keys={"app": None, "reader": None})
        environment = direct | environment_of([first], [second]) | {"POOLER": "transaction"}
        made: dict[str, str] = {}
        answered: list[float] = []
        over = threading.Event()

        def write(address: str, key: str) -> None:
            headers = {"Authorization": f"Bearer {keys[key]}"}
            with httpx.Client(base_url=f"{address}/v1", headers=headers, timeout=60) as client:
                for count in itertools.count():
                    if over.wait(0.02):
                        return
                    tag = f"{key}_{count}"
                    body = {"model": "letta/letta-free", "tags": [tag]}
                    with contextlib.suppress(httpx.HTTPError):
                        response = client.post("/agents/", json=body)
                        client.get("/agents/", params={"tags": tag})
                        if response.status_code == 200:
                            made[tag] = response.json()["id"]
                            answered.append(time.monotonic())

        primary.configure("synchronous_standby_names", "replica")
        with ade(environment, tmp_path / "log") as address, ThreadPoolExecutor(2) as pool:
            try:
                writers = [pool.submit(write, address, key) for key in keys]
                eventually(lambda: len(answered) > 20)
                killed = time.monotonic()
                primary.stop(signal.SIGKILL)
                replica.ask("SELECT pg_promote()")
                first.point_at(replica)
                promoted = time.monotonic()
                eventually(lambda: answered[-1] > promoted, seconds=90)
                first_write = answered[-1] - killed
                several = len(answered) + 50
                eventually(lambda: len(answered) > several, seconds=60)
            finally:
                over.set()
            for writer in writers:
                writer.result()
        gaps = [late - early for early, late in itertools.pairwise(sorted(answered))]
        print(f"first write {first_write:.1f} s after the kill, longest pause {max(gaps):.1f} s")
        assert max(gaps) < BACK_WITHIN
        kept = dict(
            replica.ask(
                "SELECT t.name, a.public_id FROM agents_agenttag x JOIN agents_tag t ON"
                " t.id = x.tag_id JOIN agents_agent a ON a.seq = x.agent_id"
            )
        )
        assert {tag: kept.get(tag) for tag in made} == made
