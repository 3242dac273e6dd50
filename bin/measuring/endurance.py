"""Long runs: a soak of mixed calls that watches memory, and eight writers at once."""

import random
import time
from collections.abc import Callable
from typing import Any

from measuring.client import NextRequest, Sample, load
from measuring.memory import Memory, grown, memory_of
from measuring.numbers import percentile
from measuring.scenarios import HELLO, SCENARIOS
from measuring.servers import Server

CONNECTIONS = 8
GROWTH = 1.05  # between the second and the last quarter of a soak
LATEST_P99 = 500  # ms that a writer on SQLite waits at most
# Some hold a worker for a second or more; too many of them and little else is done.
_RARE = 0.02
_RARELY = ("list of two huge tags that never meet", "count of two tags")


def _mixed(server: Server, *, only_writes: bool) -> NextRequest:
    """Calls of all scenarios in an order that is random and always the same."""
    rng = random.Random(1)  # noqa: S311  # no secret
    chosen = [one for one in SCENARIOS if one.name != HELLO and (one.is_write or not only_writes)]
    weights = [_RARE if one.name in _RARELY else 1.0 for one in chosen]
    requests = {one.name: server.requests(one) for one in chosen}

    def next_request(connection: int) -> bytes | None:
        while True:
            (scenario,) = rng.choices(chosen, weights)
            request = requests[scenario.name](connection)
            if request is not None:  # there is no tag to remove before one was added
                return request

    return next_request


def soak(server: Server, seconds: float, say: Callable[[str], None]) -> dict[str, Any]:
    """Mixed calls on eight connections, and the memory of the server meanwhile.

    Raises WrongAnswer for an unexpected status.
    """
    requests = _mixed(server, only_writes=False)
    step = max(seconds / 60, 0.2)
    began = time.monotonic()
    samples: list[Memory] = []
    times: list[float] = []
    while time.monotonic() - began < seconds:
        sample = load(server.port, connections=CONNECTIONS, seconds=step, next_request=requests)
        times += sample.times
        samples.append(memory_of(server.process, time.monotonic() - began))
        one = samples[-1]
        say(f"{one.seconds:,.0f} s: {one.rss:,.0f} MB RSS, {one.pss:,.0f} PSS, {one.own:,.0f} own")
    growth = grown(samples)
    return {
        "database": server.name,
        "seconds": round(time.monotonic() - began),
        "requests": len(times),
        "p99": round(percentile(times, 0.99), 1),
        "memory": samples,
        "peak": {
            name: max(getattr(one, name) for one in samples) for name in ("rss", "pss", "own")
        },
        "growth": round(growth, 3),
        "passed": growth <= GROWTH,
    }


def writers(server: Server, seconds: float) -> dict[str, Any]:
    """Eight connections that do nothing but write; refusals are counted, not raised."""
    sample = load(
        server.port,
        connections=CONNECTIONS,
        seconds=seconds,
        next_request=_mixed(server, only_writes=True),
        lenient=True,
    )
    return _summed_up(server, sample)


def _summed_up(server: Server, sample: Sample) -> dict[str, Any]:
    late = percentile(sample.times, 0.99)
    return {
        "database": server.name,
        "seconds": round(sample.seconds, 1),
        "rps": round(len(sample.times) / sample.seconds, 1),
        "p50": round(percentile(sample.times, 0.5), 1),
        "p95": round(percentile(sample.times, 0.95), 1),
        "p99": round(late, 1),
        "slowest": round(max(sample.times), 1),
        "errors": sample.errors[:10],
        "error_count": len(sample.errors),
        "passed": not sample.errors and late <= LATEST_P99,
    }
