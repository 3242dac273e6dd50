"""A bulk change of 6,000 agents goes to its end by itself, whatever fails meanwhile for a while."""

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from django.db import connection

from tests.faults.databases import Made, a_database, made
from tests.faults.looking import looked
from tests.faults.servers import Server, kill, served
from tests.faults.test_disk_full import Supervisor, fill, on_disk, postgres_on, small_disk
from tests.faults.test_server_killed import client_of
from tests.scaling.databases import eventually, manage, url_of

pytestmark = pytest.mark.prove

COUNT = 6_000
HELD_SECONDS = 30.0
FULL_SECONDS = 10.0


class Watched:
    """The change, looked at by its address; nobody resumes it."""

    def __init__(self, made: Made, server: Server) -> None:
        self._client = client_of(made, server)
        plan = self._client.post("/", json={"filter": {}, "op": "add", "add": ["bulk"]}).json()
        self.id = plan["id"]
        assert self._client.post(f"/{self.id}/apply").status_code in (200, 202)

    def now(self) -> dict[str, object]:
        """How far it is; nothing where the server does not answer."""
        with contextlib.suppress(httpx.HTTPError):
            answer = self._client.get(f"/{self.id}")
            return answer.json() if answer.status_code == 200 else {}
        return {}

    def close(self) -> None:
        self._client.close()

    def comes_to(self, agents: int) -> float:
        begun = time.monotonic()
        eventually(lambda: int(str(self.now().get("looked", 0))) >= agents, seconds=240)
        return time.monotonic() - begun

    def ends(self) -> None:
        eventually(lambda: self.now().get("state") not in (None, "running"), seconds=240)
        now = self.now()
        assert (now["state"], now["looked"], now["changed"], now["problem"]) == (
            "done",
            COUNT,
            COUNT,
            "",
        )


def herd(made: Made) -> None:
    manage("bench_data", f"--agents={COUNT}", "--append", "-v0", environment=made.environment)


@contextlib.contextmanager
def locked(url: str) -> Iterator[None]:
    """Another program holds what each batch needs."""
    if connection.vendor == "sqlite":
        other = sqlite3.connect(
            url.removeprefix("sqlite:///"), isolation_level=None, timeout=HELD_SECONDS
        )
        other.execute("BEGIN IMMEDIATE")
    else:
        other = psycopg.connect(url)
        other.execute("LOCK TABLE agents_agent IN EXCLUSIVE MODE")
    try:
        yield
    finally:
        other.close()


def connections_end(url: str) -> None:
    """The server of PostgreSQL ends all others at once."""
    with psycopg.connect(url) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_connections_locks_worker_and_server(tmp_path: Path) -> None:
    with (
        a_database(tmp_path, STATEMENT_SECONDS="10") as made,
        served(made.environment, tmp_path) as server,
    ):
        herd(made)
        change = Watched(made, server)
        change.comes_to(500)
        if connection.vendor == "postgresql":
            connections_end(made.url)
            print(f"connections ended: 500 more after {change.comes_to(1_000):.1f} s")
        with locked(made.url):
            time.sleep(HELD_SECONDS)  # the length of the fault
        print(f"lock held {HELD_SECONDS:g} s: on after {change.comes_to(2_000):.1f} s")
        for pid in server.workers():
            kill(pid)
        print(f"worker killed: on after {change.comes_to(3_500):.1f} s")
        server.kill()
        server.start()
        print(f"all killed and started: on after {change.comes_to(5_000):.1f} s")
        change.ends()
        change.close()
        looked(made.environment, [])


@contextlib.contextmanager
def small_database(folder: Path) -> Iterator[tuple[Made, Path]]:
    """A database on a small disk, and that disk."""
    if connection.vendor == "sqlite":
        with small_disk(96) as disk:
            yield on_disk(disk, folder / "static"), disk
    else:
        with small_disk(256) as disk, postgres_on(disk, "data") as database:
            there = made(url_of([database]), STATIC_ROOT=str(folder / "static"))
            with Supervisor(database).watching():  # without room it ends; its service starts it
                yield there, disk


def test_full_disk(tmp_path: Path) -> None:
    with small_database(tmp_path) as (there, disk):
        herd(there)
        with served(there.environment, tmp_path) as server:
            change = Watched(there, server)
            change.comes_to(500)
            filler = fill(disk)
            time.sleep(FULL_SECONDS)  # the length of the fault
            filler.unlink()
            print(f"disk full {FULL_SECONDS:g} s: on after {change.comes_to(3_000):.1f} s")
            change.ends()
            change.close()
            looked(there.environment, [])
