"""Eight writers and four readers beside a change of a whole tag: how long each waited, what they saw."""

import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

WRITERS, READERS = 8, 4


@dataclass
class Waits:
    """Seconds of each write of a phase, and the statuses of all requests."""

    writes: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def share(self, part: float) -> float:
        """The wait that this part of the writes stays within."""
        ranked = sorted(self.writes)
        return ranked[min(int(part * len(ranked)), len(ranked) - 1)]

    def __str__(self) -> str:
        marks = [self.share(part) for part in (0.5, 0.99, 0.999, 1.0)]
        words = " / ".join(f"{1000 * mark:.0f}" for mark in marks)
        statuses = dict(self.statuses)
        return f"{len(self.writes):,} writes, p50/p99/p99.9/longest {words} ms, statuses {statuses}"


class Crowd:
    """They work from `working` on; `phase` gives what they met while it lasted."""

    def __init__(self, address: str, token: str, herd: list[str], pair: tuple[str, str]) -> None:
        self.address, self.herd, self.pair = address, herd, pair
        self.torn: list[tuple[str, list[str]]] = []  # agents seen with both tags, or with neither
        self._headers = {"Authorization": f"Bearer {token}"}
        self._waits = Waits()
        self._over = threading.Event()

    @contextmanager
    def working(self) -> Iterator[None]:
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

    def phase(self, until: Callable[[], bool], *, seconds: float) -> Waits:
        """Wait for the end of a phase; what was met in it."""
        waits = self._waits = Waits()
        deadline = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < deadline
            time.sleep(0.1)  # between looks
        self._waits = Waits()
        return waits

    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=self.address, headers=self._headers, timeout=60)

    def _write(self, number: int) -> None:
        chosen = random.Random(number)
        with self._client() as client:
            for count in itertools.count():
                if self._over.wait(0.02):
                    return
                # A tag of one's own on an agent of the herd, on and off; now and then a new agent.
                agent, tag = chosen.choice(self.herd), f"note-{number}"
                begun, waits = time.monotonic(), self._waits
                if count % 5 == 4:
                    answer = client.post("/v1/agents/", json={"model": "a/b", "tags": [tag]})
                else:
                    which = "add" if count % 2 else "remove"
                    answer = client.post(f"/v1/agents/{agent}/tags", json={which: [tag]})
                waits.writes.append(time.monotonic() - begun)
                waits.statuses[answer.status_code] += 1

    def _read(self, number: int) -> None:
        chosen = random.Random(100 + number)
        with self._client() as client:
            for count in itertools.count():
                if self._over.wait(0.02):
                    return
                waits = self._waits
                if count % 2:
                    answer = client.get(f"/v1/agents/{chosen.choice(self.herd)}")
                    found = [answer.json()] if answer.status_code == 200 else []
                else:
                    tag = chosen.choice(self.pair)
                    answer = client.get("/v1/agents/", params={"tags": tag, "limit": 20})
                    found = answer.json() if answer.status_code == 200 else []
                waits.statuses[answer.status_code] += 1
                for agent in found:
                    if sum(tag in agent["tags"] for tag in self.pair) != 1:
                        self.torn.append((agent["id"], agent["tags"]))
