"""Backends of PostgreSQL that are frozen hold their requests for a bounded time, and no probe."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.faults.databases import made
from tests.faults.load import Load
from tests.faults.looking import looked
from tests.faults.servers import served
from tests.scaling.databases import Database, eventually, replicated, url_of

pytestmark = [pytest.mark.prove, pytest.mark.only_postgres]

STATEMENT_SECONDS = 3
WRITERS = 20
ANSWERED_WITHIN = 40.0  # seconds: a wait for a place, some for a lock, and a busy machine
HEALTHY_WITHIN = 5.0  # of a busy machine


@contextlib.contextmanager
def frozen(pids: list[int]) -> Iterator[None]:
    """Stopped, as by a disk or a machine that hangs."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def backends(database: Database) -> list[int]:
    """Those of ADE's connections."""
    rows = database.ask(
        "SELECT pid FROM pg_stat_activity WHERE datname = 'ade' AND pid <> pg_backend_pid()"
    )
    return [int(str(pid)) for (pid,) in rows]


class Probes(threading.Thread):
    """Asks /healthz all the time, each time on a connection of its own."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address, self.took, self.over = address, list[float](), threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.1):
            begun = time.monotonic()
            status = httpx.get(f"{self.address}/healthz", timeout=60).status_code
            self.took.append(time.monotonic() - begun if status == 200 else float("inf"))


def test_every_backend_frozen(tmp_path: Path) -> None:
    with replicated() as (database,):
        there = made(url_of([database]), STATEMENT_SECONDS=str(STATEMENT_SECONDS))
        with served(there.environment, tmp_path) as server:
            load = Load([server.address], there.token, writers=WRITERS, readers=10)
            probes = Probes(server.address)
            probes.start()
            try:
                with load.running():
                    eventually(lambda: len(backends(database)) >= 8)
                    load.goes_on(writes=1)
                    begun = time.monotonic()
                    with frozen(backends(database)):
                        # All are answered, though these may hold locks that others need.
                        eventually(lambda: load.since(begun).writes.total() >= WRITERS)
                    thawed = time.monotonic()
                    load.goes_on(writes=1)
                    print(f"frozen for {thawed - begun:.1f} s")
                    seen = load.since(begun)
            finally:
                probes.over.set()
                probes.join()
            print(f"{seen}; /healthz took {max(probes.took):.2f} s at most")
            assert set(seen.writes) | set(seen.reads) <= {"200", "404", "503"}
            assert seen.slowest < ANSWERED_WITHIN
            assert max(probes.took) < HEALTHY_WITHIN
        print(looked(there.environment, load.ledger()))
