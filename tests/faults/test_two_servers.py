"""Two servers on one database write the tags of the same agents: no update is lost."""

import contextlib
import itertools
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.faults.databases import Made, a_database
from tests.faults.load import Load
from tests.faults.looking import looked
from tests.faults.servers import served

pytestmark = pytest.mark.prove

COUNTERS, TIMES = 4, 15
LARGEST_LOG = 32 * 1024 * 1024  # bytes of SQLite's write-ahead log, under readers and writers


def test_no_update_is_lost(tmp_path: Path) -> None:
    with a_database(tmp_path) as made, contextlib.ExitStack() as stack:
        servers = [stack.enter_context(served(made.environment, tmp_path)) for _ in range(2)]
        addresses = [server.address for server in servers]
        load = Load(addresses, made.token)
        begun = time.monotonic()
        with load.running():
            load.goes_on(writes=30)
            refused = counted_together(addresses, load)
        seen = load.since(begun)
        print(f"{seen}; If-Match refused {refused}; {log_of(made)}")
        assert (set(seen.writes), set(seen.reads), load.torn) == ({"200"}, {"200"}, [])
        assert tags_of(load, addresses[1]) == expected_tags(load)
        counts = looked(made.environment, load.ledger())
        assert counts["there"] == len(load.wrote)
        print(counts)


def expected_tags(load: Load) -> set[str]:
    """Of the agent that all change: each writer's last two, which took the place of those before."""
    last: dict[str, list[str]] = {}
    for one in load.wrote:
        if one.kind == "tags":
            last[one.mark.split("-")[0]] = one.tags
    return {"shared", *itertools.chain(*last.values())}


def tags_of(load: Load, address: str) -> set[str]:
    url = f"{address}/v1/agents/{load.shared}"
    return set(httpx.get(url, headers=load.headers, timeout=60).json()["tags"])


def counted_together(addresses: list[str], load: Load) -> int:
    """Clients at both add one to a number, each what it read plus one; how often they met."""
    with httpx.Client(headers=load.headers, timeout=60) as client:
        body = {"model": "a/b", "name": "0"}
        url = client.post(f"{addresses[0]}/v1/agents/", json=body).json()["id"]
        refused: list[int] = []
        jobs = [
            threading.Thread(target=count, args=(addresses, load.headers, url, number, refused))
            for number in range(COUNTERS)
        ]
        for job in jobs:
            job.start()
        for job in jobs:
            job.join()
        told = client.get(f"{addresses[0]}/v1/agents/{url}").json()
    assert told["name"] == str(COUNTERS * TIMES)
    return len(refused)


def count(
    addresses: list[str], headers: dict[str, str], agent: str, number: int, refused: list[int]
) -> None:
    """Add one until it was done so often: `If-Match` refuses what another came before."""
    servers = itertools.cycle(addresses[number % 2 :] + addresses[: number % 2])
    done = 0
    with httpx.Client(headers=headers, timeout=60) as client:
        while done < TIMES:
            url = f"{next(servers)}/v1/agents/{agent}"
            read = client.get(url)
            body = {"name": str(int(read.json()["name"]) + 1)}
            answer = client.patch(url, json=body, headers={"If-Match": read.headers["ETag"]})
            done += answer.status_code == 200
            if answer.status_code != 200:
                assert answer.status_code in (409, 412)
                refused.append(answer.status_code)


def log_of(made: Made) -> str:
    """How large SQLite's log became: it is written over from its start, never cut."""
    where = urlsplit(made.url)
    if where.scheme != "sqlite":
        return "no log of SQLite"
    size = Path(f"{where.path[1:]}-wal").stat().st_size
    assert size < LARGEST_LOG
    return f"the log of SQLite has {size / 1e6:.1f} MB"
