"""Replicas lost and the primary lost under load: what is answered stays, and service comes back."""

import contextlib
import itertools
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.scaling.databases import (
    Database,
    ade,
    environment_of,
    eventually,
    make_people,
    manage,
    replicated,
)

pytestmark = [pytest.mark.prove, pytest.mark.only_postgres]

WRITERS, READERS = 2, 4
BACK_WITHIN = 20.0  # seconds, with the failover itself, which an operator's tool does


@dataclass
class Load:
    """Clients that write and read at two servers, and what became of each request."""

    addresses: list[str]
    keys: dict[str, str]
    made: dict[str, str] = field(default_factory=dict)  # the id by the tag, of answered writes
    reads: list[float] = field(default_factory=list)  # when each was answered
    writes: list[float] = field(default_factory=list)
    failed: list[tuple[float, str]] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)  # own writes that a list did not show
    slowest: float = 0.0
    _over: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        jobs = [
            *(threading.Thread(target=self._write, args=(one,)) for one in range(WRITERS)),
            *(threading.Thread(target=self._read, args=(one,)) for one in range(READERS)),
        ]
        for job in jobs:
            job.start()
        try:
            yield
        finally:
            self._over.set()
            for job in jobs:
                job.join()

    def _write(self, number: int) -> None:
        """Make an agent at one server, look for it at the other, and so on in turn."""
        servers = itertools.cycle(self.addresses)
        with httpx.Client(headers=self._auth(f"writer{number}"), timeout=60) as client:
            for count in itertools.count():
                if self._over.is_set():
                    return
                tag = f"writer{number}_{count}"
                body = {"model": "letta/letta-free", "tags": [tag, f"writer{number}"]}
                url = f"{next(servers)}/v1/agents/"
                answer = self._ask(client, "write", "POST", url, json=body)
                if answer is not None:
                    self.made[tag] = answer["id"]
                    found = self._ask(
                        client, "read", "GET", f"{next(servers)}/v1/agents/", params={"tags": tag}
                    )
                    if found is not None and [agent["id"] for agent in found] != [answer["id"]]:
                        self.unseen.append(tag)
                    next(servers)
                self._over.wait(0.02)

    def _read(self, number: int) -> None:
        url = f"{self.addresses[number % 2]}/v1/agents/"
        with httpx.Client(headers=self._auth("reader"), timeout=60) as client:
            while not self._over.wait(0.005):
                self._ask(client, "read", "GET", url, params={"limit": 10})

    def _ask(
        self, client: httpx.Client, kind: str, method: str, url: str, **more: object
    ) -> object:
        begun = time.monotonic()
        try:
            response = client.request(method, url, **more)
            if response.status_code == 200:
                (self.writes if kind == "write" else self.reads).append(time.monotonic())
                return response.json()
            what = f"{kind}: {response.status_code}"
        except httpx.HTTPError as error:
            what = f"{kind}: {error!r}"
        finally:
            self.slowest = max(self.slowest, time.monotonic() - begun)
        self.failed.append((time.monotonic(), what))
        return None

    def _auth(self, key: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys[key]}"}

    def goes_on(self, *, seconds: float = 4) -> None:
        """Wait for some seconds' worth of answers."""
        begun = time.monotonic()
        eventually(lambda: bool(self.writes) and self.writes[-1] > begun + seconds, seconds=60)
        eventually(lambda: self.reads[-1] > begun + seconds, seconds=60)


def promote(replicas: list[Database]) -> Database:
    """What an operator's tool does: the replica that has most becomes the primary."""
    place = "SELECT pg_wal_lsn_diff(pg_last_wal_receive_lsn(), '0/0')"
    furthest = max(replicas, key=lambda one: one.ask(place)[0][0])
    furthest.ask("SELECT pg_promote()")
    return furthest


def asked(one: Database) -> bool:
    """True if ADE has read a list there within the last half second."""
    lately = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = 'ade' AND query = 'COMMIT'"
        " AND query_start > clock_timestamp() - interval '0.5 seconds'"
    )
    return one.ask(lately) != [(0,)]


def lists_by(addresses: list[str]) -> dict[str, int]:
    """How many lists each kind of database has answered so far."""
    counts = {"replica": 0, "primary": 0}
    for address in addresses:
        for line in httpx.get(f"{address}/metrics", timeout=30).text.splitlines():
            for kind in counts:
                if line.startswith(f'ade_list_reads_total{{database="{kind}"}}'):
                    counts[kind] += int(float(line.split()[-1]))
    return counts


def share(addresses: list[str], load: Load) -> float:
    """Which part of the lists replicas answer, over some seconds."""
    before = lists_by(addresses)
    load.goes_on()
    after = lists_by(addresses)
    more = {kind: after[kind] - before[kind] for kind in after}
    return more["replica"] / (more["replica"] + more["primary"])


def test_a_lost_replica_fails_no_request_and_a_lost_primary_loses_no_answered_write(
    tmp_path: Path,
) -> None:
    with replicated("one", "two") as databases, contextlib.ExitStack() as stack:
        primary, one, two = databases
        # A write is answered once it is on the primary and on one of these.
        primary.configure("synchronous_standby_names", "ANY 1 (one, two)")
        static = {"STATIC_ROOT": str(tmp_path / "static")}
        environment = environment_of(databases, databases, **static)
        manage("collectstatic", "--no-input", "-v0", environment=environment)
        names = ["reader", *(f"writer{number}" for number in range(WRITERS))]
        keys = make_people(environment, keys=dict.fromkeys(names))
        log = tmp_path / "log"
        addresses = [stack.enter_context(ade(environment, log)) for _ in range(2)]
        load = Load(addresses, keys)
        with load.running():
            eventually(lambda: asked(one) and asked(two))
            calm = share(addresses, load)

            one.stop(signal.SIGKILL)
            # Each process avoids replicas for some seconds first.
            eventually(lambda: share(addresses, load) > 0.5, seconds=60)
            without_one = share(addresses, load)
            assert load.failed == []
            one.start()
            again = eventually(lambda: asked(one), seconds=60)
            assert load.failed == []
            slowest, load.slowest = load.slowest, 0.0

            killed = time.monotonic()
            primary.stop(signal.SIGKILL)
            new = promote([one, two])
            promoted = time.monotonic()
            eventually(lambda: bool(load.writes) and load.writes[-1] > promoted + 0.5, seconds=60)
            other = two if new is one else one
            eventually(lambda: new.ask("SELECT state FROM pg_stat_replication") == [("streaming",)])
            eventually(lambda: asked(other), seconds=60)
            follows = time.monotonic() - killed
            # Until each thread has left the one that was promoted.
            eventually(lambda: share(addresses, load) > 0.5, seconds=60)
            after = share(addresses, load)

        assert {what for _, what in load.failed} <= {"write: 503", "read: 503"}
        back = max(at for at, _ in load.failed) if load.failed else killed
        first = min(at for at in load.writes if at > promoted)
        print(
            f"{len(load.writes)} writes and {len(load.reads)} reads answered; replicas answered "
            f"{calm:.0%} of the lists; replica lost: 0 failed, {without_one:.0%}, slowest {slowest:.1f} s, asked again {again:.1f} s after its "
            f"start; primary lost: promoted after {promoted - killed:.1f} s, first write after "
            f"{first - killed:.1f} s, last failure after {back - killed:.1f} s, "
            f"{len(load.failed)} requests failed, slowest {load.slowest:.1f} s, the other replica "
            f"follows and is asked after {follows:.1f} s, then {after:.0%}"
        )
        assert back - killed < BACK_WITHIN
        assert load.unseen == []
        assert min(calm, after) > 0.5
        kept = {
            str(tag): str(agent)
            for tag, agent in new.ask(
                "SELECT t.name, a.public_id FROM agents_agenttag x JOIN agents_tag t ON"
                " t.id = x.tag_id JOIN agents_agent a ON a.seq = x.agent_id WHERE t.name ~ '_'"
            )
        }
        assert {tag: kept.get(tag) for tag in load.made} == load.made
        # A request that failed may have been done, or not: never half.
        assert manage("recount", environment=environment_of([new])) == "All counts are correct."
