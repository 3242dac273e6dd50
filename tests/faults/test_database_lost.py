"""PostgreSQL killed, restarted, full of connections, held up by a lock: each under load."""

import contextlib
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest
from serve import HOST

from ade.ops.outage import NOTHING, Trouble
from tests.faults.databases import made
from tests.faults.load import Load
from tests.faults.looking import looked
from tests.faults.servers import Server, kill, served
from tests.scaling.databases import (
    Database,
    eventually,
    replicated,
    url_of,
)

pytestmark = [pytest.mark.prove, pytest.mark.only_postgres]

BACK_WITHIN = 5.0  # seconds after the database answers again


@dataclass
class Setup:
    database: Database
    environment: dict[str, str]
    token: str


@contextlib.contextmanager
def set_up(**settings: str) -> Iterator[Setup]:
    with replicated() as (database,):
        there = made(url_of([database]), **settings)
        yield Setup(database, there.environment, there.token)


def restarted(setup: Setup, load: Load, how: signal.Signals, *, away: float) -> str:
    """Stop it so, start it after that many seconds, and see what clients see."""
    lost = time.monotonic()
    setup.database.stop(how)
    stopped = time.monotonic()
    time.sleep(away)  # the length of the fault
    setup.database.start()
    there = time.monotonic()
    load.goes_on()
    seen, after = load.since(lost), load.since(there)
    assert {"500", "502", "504"} & (seen.writes.keys() | seen.reads.keys()) == set()
    assert after.first_write is not None
    assert after.first_write < BACK_WITHIN
    assert after.last_failure < BACK_WITHIN
    return (
        f"{how.name}: down {stopped - lost:.1f} s, away until {there - lost:.1f} s; since then "
        f"first write after {after.first_write:.1f} s, last failure {after.last_failure:.1f} s; "
        f"in all {seen}"
    )


def test_killed_and_restarted_under_load(tmp_path: Path) -> None:
    with set_up() as setup, served(setup.environment, tmp_path) as server:
        load = Load([server.address], setup.token)
        with load.running():
            load.goes_on()
            for how, away in (
                (signal.SIGKILL, 1.0),
                (signal.SIGINT, 0.0),  # a restart, as an upgrade does it
                (signal.SIGQUIT, 1.0),
            ):
                print(restarted(setup, load, how, away=away))
            one_backend_killed(setup, load)
            eventually(lambda: server.workers() != [], seconds=40)
        assert load.torn == []
        print(looked(setup.environment, load.ledger()))


def one_backend_killed(setup: Setup, load: Load) -> None:
    """PostgreSQL then ends all connections, and recovers by itself."""
    begun = time.monotonic()
    ((pid,),) = setup.database.ask(
        "SELECT pid FROM pg_stat_activity WHERE datname = 'ade' AND pid <> pg_backend_pid() LIMIT 1"
    )
    kill(int(str(pid)))
    load.goes_on()
    seen = load.since(begun)
    assert seen.last_failure < 2 * BACK_WITHIN
    print(f"one backend killed: {seen}")


def test_no_connection_left(tmp_path: Path) -> None:
    with set_up() as setup, served(setup.environment, tmp_path) as server:
        with contextlib.ExitStack() as stack:
            where = f"host={HOST} port={setup.database.port} user=ade dbname=ade"
            with contextlib.suppress(psycopg.OperationalError):
                while True:
                    stack.enter_context(psycopg.connect(where))
            begun = time.monotonic()
            statuses = [agents(server, setup.token).status_code for _ in range(20)]
            print(f"20 reads without a connection in {time.monotonic() - begun:.2f} s: {statuses}")
            assert set(statuses) <= {200, 503}  # a thread that has one keeps it
            assert 503 in statuses
        took = eventually(
            lambda: {agents(server, setup.token).status_code for _ in range(20)} == {200}
        )
        print(f"all answered again {took:.1f} s after they were given back")


def test_a_lock_that_nobody_lets_go(tmp_path: Path) -> None:
    with set_up(STATEMENT_SECONDS="2") as setup, served(setup.environment, tmp_path) as server:
        load = Load([server.address], setup.token, writers=3, readers=1)
        url = f"{server.address}/v1/agents/"
        held = httpx.post(url, json={"model": "a/b"}, headers=load.headers, timeout=60).json()["id"]
        where = f"host={HOST} port={setup.database.port} user=ade dbname=ade"
        with load.running(), psycopg.connect(where) as holder:
            load.goes_on()
            begun = time.monotonic()
            holder.execute("SELECT 1 FROM agents_agent WHERE public_id = %s FOR UPDATE", [held])
            for _ in range(3):
                answer = httpx.post(
                    f"{url}{held}/tags", json={"add": ["x"]}, headers=load.headers, timeout=60
                )
                assert answer.status_code == 503
                assert answer.json()["detail"] == f"{Trouble.SLOW.sentence} {NOTHING}"
            took = (time.monotonic() - begun) / 3
            load.goes_on()
            assert set(load.since(begun).writes) == {"200"}
            print(f"refused after {took:.1f} s each; the others meanwhile: {load.since(begun)}")
            holder.rollback()
            answer = httpx.post(
                f"{url}{held}/tags", json={"add": ["x"]}, headers=load.headers, timeout=60
            )
            assert (answer.status_code, answer.json()) == (200, {"tags": ["x"]})
        print(looked(setup.environment, load.ledger()))


def agents(server: Server, token: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.get(f"{server.address}/v1/agents/", headers=headers, timeout=60)
