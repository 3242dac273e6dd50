"""Clients that write and read without a pause, and keep what became of each request."""

import contextlib
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import httpx

from ade.ops.outage import NOTHING
from tests.scaling.databases import eventually

BROKEN, UNSENT = 0, -1  # in the place of a status: no answer came; no connection was had
ROUND = ("create", "tags", "edit", "tags", "create", "delete", "create", "edit")


@dataclass
class Wrote:
    """A write, and what came of it. Its two tags, which no other has, say whether it is there."""

    kind: str
    mark: str
    agent: str | None
    status: int
    nothing_saved: bool
    begun: float
    ended: float

    @property
    def tags(self) -> list[str]:
        return [self.mark, f"{self.mark}b"]


@dataclass
class Seen:
    """What clients saw since a fault."""

    writes: Counter[str] = field(default_factory=Counter)
    reads: Counter[str] = field(default_factory=Counter)
    first_write: float | None = None  # seconds after it, the first that was both sent and answered
    last_failure: float = 0.0
    slowest: float = 0.0

    def __str__(self) -> str:
        first = "none" if self.first_write is None else f"{self.first_write:.1f} s"
        return (
            f"writes {dict(self.writes)}, reads {dict(self.reads)}, first write answered after "
            f"{first}, last failure after {self.last_failure:.1f} s, slowest {self.slowest:.1f} s"
        )


class Load:
    """Writers and readers at some addresses, each in turn."""

    def __init__(
        self, addresses: list[str], token: str, *, writers: int = 4, readers: int = 2
    ) -> None:
        self.addresses = addresses
        self.headers = {"Authorization": f"Bearer {token}"}
        self.wrote: list[Wrote] = []
        self.read: list[tuple[float, int]] = []
        self.torn: list[str] = []  # agents that a reader saw half written
        self._over = threading.Event()
        self._jobs = [
            *(threading.Thread(target=self._write, args=(one,)) for one in range(writers)),
            *(threading.Thread(target=self._read, args=(one,)) for one in range(readers)),
        ]
        self._writers = [f"w{one}" for one in range(writers)]
        self.shared = self._make_shared()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Meanwhile they work; afterwards the last of their requests is over."""
        for job in self._jobs:
            job.start()
        try:
            yield
        finally:
            self._over.set()
            for job in self._jobs:
                job.join()

    def goes_on(self, *, writes: int = 5, seconds: float = 60) -> float:
        """Wait until each writer was answered so often, and reads; the seconds that took."""
        begun = time.monotonic()
        return eventually(
            lambda: (
                all(self._done(who, begun) >= writes for who in self._writers)
                and any(at > begun and status == 200 for at, status in list(self.read))
            ),
            seconds=seconds,
        )

    def since(self, moment: float, until: float = float("inf")) -> Seen:
        """What was seen of the requests that ended between these."""
        seen = Seen()
        for one in list(self.wrote):
            if not moment <= one.ended <= until:
                continue
            seen.writes[in_words(one.status)] += 1
            seen.slowest = max(seen.slowest, one.ended - one.begun)
            if one.status == 200 and one.begun >= moment and seen.first_write is None:
                seen.first_write = one.ended - moment
            if one.status not in (200, 404):
                seen.last_failure = max(seen.last_failure, one.ended - moment)
        for at, status in list(self.read):
            if moment <= at <= until:
                seen.reads[in_words(status)] += 1
                if status != 200:
                    seen.last_failure = max(seen.last_failure, at - moment)
        return seen

    def ledger(self) -> list[dict[str, Any]]:
        """All that was written, for `looking`."""
        return [asdict(one) for one in self.wrote]

    def _done(self, who: str, since: float) -> int:
        return sum(
            one.begun > since and one.status == 200 and one.mark.startswith(f"{who}-")
            for one in list(self.wrote)
        )

    def _make_shared(self) -> str:
        """The agent whose tags all of them change."""
        with httpx.Client(headers=self.headers, timeout=60) as client:
            url = f"{self.addresses[0]}/v1/agents/"
            answer = client.post(url, json={"model": "a/b", "tags": ["shared"]})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def _write(self, number: int) -> None:
        servers = itertools.cycle(self.addresses)
        own, last = None, []  # the newest agent of one's own; one's last tags on the shared one
        with httpx.Client(headers=self.headers, timeout=60) as client:
            for count in itertools.count():
                if self._over.wait(0.02):
                    return
                kind, mark = ROUND[count % len(ROUND)], f"w{number}-{count}"
                one = Wrote(kind, mark, own, UNSENT, False, time.monotonic(), 0.0)
                if kind == "tags":
                    one.agent = self.shared
                elif kind == "create":
                    one.agent = None
                elif own is None:
                    continue
                self._send(client, next(servers), one, last)
                if kind == "create":
                    own = one.agent
                elif kind == "delete":
                    own = None
                elif kind == "tags":
                    last = one.tags
                self.wrote.append(one)

    def _send(self, client: httpx.Client, address: str, one: Wrote, before: list[str]) -> None:
        url = f"{address}/v1/agents/{one.agent or ''}"
        tags = ["all", *one.tags]
        calls: dict[str, Callable[[], httpx.Response]] = {
            "create": lambda: client.post(url, json={"model": "a/b", "tags": tags}),
            "tags": lambda: client.post(f"{url}/tags", json={"add": one.tags, "remove": before}),
            "edit": lambda: client.patch(url, json={"name": one.mark, "tags": tags}),
            "delete": lambda: client.delete(url),
        }
        try:
            answer = calls[one.kind]()
            one.status, one.nothing_saved = answer.status_code, NOTHING in answer.text
            if one.kind == "create" and one.status == 200:
                one.agent = answer.json()["id"]
        except httpx.ConnectError:
            one.status = UNSENT
        except httpx.HTTPError:
            one.status = BROKEN
        one.ended = time.monotonic()

    def _read(self, number: int) -> None:
        url = f"{self.addresses[number % len(self.addresses)]}/v1/agents/"
        with httpx.Client(headers=self.headers, timeout=60) as client:
            while not self._over.wait(0.02):
                status = BROKEN
                with contextlib.suppress(httpx.HTTPError):
                    answer = client.get(url, params={"limit": 20})
                    status = answer.status_code
                    if status == 200:
                        self.torn += [one["id"] for one in answer.json() if is_torn(one["tags"])]
                self.read.append((time.monotonic(), status))


def is_torn(tags: list[str]) -> bool:
    """True if there is one of two tags that were written together."""
    marks = {tag.removesuffix("b") for tag in tags if tag.startswith("w")}
    return any({mark, f"{mark}b"} - set(tags) for mark in marks)


def in_words(status: int) -> str:
    return {BROKEN: "broken", UNSENT: "no connection"}.get(status, str(status))
