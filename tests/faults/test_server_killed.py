"""ADE's own processes killed in the middle of writes: one, all of them, and the worker."""

import time
from pathlib import Path

import httpx
import pytest

from tests.faults.databases import Made, a_database
from tests.faults.load import Load
from tests.faults.looking import looked
from tests.faults.servers import Server, kill, served
from tests.scaling.databases import eventually, manage

pytestmark = pytest.mark.prove

BACK_WITHIN = 10.0  # seconds, on a busy machine; a process takes two or so to load its code


def test_killed_in_the_middle_of_writes(tmp_path: Path) -> None:
    with a_database(tmp_path) as made, served(made.environment, tmp_path) as server:
        load = Load([server.address], made.token)
        with load.running():
            load.goes_on()
            for victim in server.web_processes():
                print(f"one process killed: {one_process_killed(server, load, victim)}")
            for _ in range(2):
                print(f"all killed: {all_killed(server, load)}")
        assert load.torn == []
        assert set(load.since(0).writes) <= {"200", "404", "broken", "no connection"}
        print(looked(made.environment, load.ledger()))


def one_process_killed(server: Server, load: Load, victim: int) -> str:
    """Granian starts another in its place; the other one goes on meanwhile."""
    begun = time.monotonic()
    kill(victim)
    eventually(lambda: server.listeners() == 1)
    back = eventually(lambda: server.listeners() == 2)
    load.goes_on()
    seen = load.since(begun)
    assert seen.last_failure < BACK_WITHIN
    return f"another there after {back:.1f} s; {seen}"


def all_killed(server: Server, load: Load) -> str:
    """What systemd then does is to start it again."""
    begun = time.monotonic()
    server.kill()
    server.start()
    ready = time.monotonic()
    load.goes_on()
    seen = load.since(begun)
    assert seen.last_failure < ready - begun + BACK_WITHIN
    return f"answers {ready - begun:.1f} s after the start was ordered; {seen}"


def test_worker_killed_in_a_bulk_change(tmp_path: Path) -> None:
    with a_database(tmp_path) as made, served(made.environment, tmp_path) as server:
        manage("bench_data", "--agents=6000", "--append", "-v0", environment=made.environment)
        with client_of(made, server) as client:
            wanted = {"filter": {}, "op": "add", "add": ["bulk"]}
            plan = client.post("/", json=wanted).json()["id"]
            assert client.post(f"/{plan}/apply").status_code in (200, 202)
            eventually(lambda: client.get(f"/{plan}").json()["looked"] >= 500)
            begun = time.monotonic()
            for pid in server.workers():
                kill(pid)
            at = client.get(f"/{plan}").json()
            assert at["state"] == "running"
            eventually(lambda: client.get(f"/{plan}").json()["looked"] > at["looked"] + 200)
            again = time.monotonic() - begun
            eventually(lambda: client.get(f"/{plan}").json()["state"] == "done", seconds=120)
            done = client.get(f"/{plan}").json()
        assert (done["looked"], done["changed"]) == (6000, 6000)
        print(f"killed after {at['looked']:,} of 6,000 agents; goes on {again:.1f} s later")
        looked(made.environment, [])


def client_of(made: Made, server: Server) -> httpx.Client:
    headers = {"Authorization": f"Bearer {made.token}"}
    return httpx.Client(base_url=f"{server.address}/v1/bulk", headers=headers, timeout=60)
