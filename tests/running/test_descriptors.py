"""A web server that has no file descriptor left: it says so, and probes are answered."""

import re
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest

from tests.faults.databases import a_database
from tests.faults.servers import Server, served

pytestmark = [pytest.mark.whole, pytest.mark.django_db]

SAYS = "No file descriptors are left"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with (
        a_database(tmp_path, STATIC_ROOT=str(tmp_path / "static")) as made,
        served(made.environment, tmp_path) as server,
    ):
        yield server


def leave(server: Server, spare: int) -> int:
    """Limit each web process to `spare` more descriptors. Return the number of processes."""
    pids = server.web_processes()
    for pid in pids:
        used = max(int(one.name) for one in Path(f"/proc/{pid}/fd").iterdir()) + 1
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + spare, used + spare))
    return len(pids)


def lines(server: Server) -> int:
    return server.log.read_text().count(SAYS)


def measured(server: Server) -> dict[str, float]:
    text = httpx.get(f"{server.address}/metrics", timeout=30).text
    found = re.findall(r"^(ade_(?:worker_slots|connections)\S*) (\S+)$", text, re.M)
    return {name: float(value) for name, value in found}


def refused_when_descriptors_are_free(server: Server) -> float:
    """How many connections were ended. While the ended ones are put away, no metrics can be read."""
    deadline = time.monotonic() + 30
    name = 'ade_connections_refused_total{why="descriptors"}'
    while name not in (seen := measured(server)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return seen[name]


def probe(server: Server) -> int:
    """Ask for the health as probes do, up to three times.

    A connection whose request the busy server has not read for a second may be ended as unused.
    """
    for _ in range(2):
        with suppress(httpx.ReadError, httpx.RemoteProtocolError):
            return httpx.get(f"{server.address}/healthz", timeout=20).status_code
    return httpx.get(f"{server.address}/healthz", timeout=20).status_code


def test_unused_connections_make_room_for_a_probe(server: Server) -> None:
    before = measured(server)
    assert before["ade_worker_slots"] == 8
    assert before["ade_worker_slots_in_use"] == 1  # this request's own
    assert before['ade_connections_refused_total{why="descriptors"}'] == 0
    assert before['ade_connections_refused_total{why="slots"}'] == 0
    processes = leave(server, 10)
    with ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))
        for _ in range(5):
            assert probe(server) == 200, server.log.read_text()
    assert 1 <= lines(server) <= processes  # each says it once a minute
    assert refused_when_descriptors_are_free(server) > 100


def test_a_probe_is_answered_where_no_connection_can_be_ended(server: Server) -> None:
    processes = leave(server, 0)
    for _ in range(20):
        assert probe(server) == 200, server.log.read_text()
    assert lines(server) <= processes
