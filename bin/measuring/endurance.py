"""Long runs: a soak of mixed calls that watches memory, eight writers, and writers on two sizes."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from processes import start, stop
from serve import worker_command

from measuring.client import NextRequest, Sample, request_bytes
from measuring.databases import settings_for
from measuring.memory import Memory, grown, memory_of
from measuring.numbers import percentile
from measuring.scenarios import HELLO, SCENARIOS, Call, headers_of
from measuring.servers import Server

CONNECTIONS = 8
GROWTH = 1.05  # between the second and the last quarter of a soak
SLICE = 10.0  # seconds for which writers write on one of two databases
LATER = 500  # ms by which the p99.9 on a large database may be later than on a small one
LATEST_P99 = 500  # ms that a writer on SQLite waits at most
# Some hold a worker for a second or more; too many of them and little else is done.
_RARE = 0.02
_RARELY = ("list of two huge tags that never meet", "count of two tags")


def _mixed(server: Server, *, only_writes: bool) -> NextRequest:
    """Calls of all scenarios in an order that is random and always the same."""
    rng = random.Random(1)  # noqa: S311  # no secret
    chosen = [
        scenario
        for scenario in SCENARIOS
        if scenario.name != HELLO and (scenario.is_write or not only_writes)
    ]
    weights = [_RARE if scenario.name in _RARELY else 1.0 for scenario in chosen]
    requests = {scenario.name: server.requests(scenario) for scenario in chosen}

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
        sample = server.endpoint.measure(requests, connections=CONNECTIONS, seconds=step)
        times += sample.times
        samples.append(memory_of(server.endpoint.process or 0, time.monotonic() - began))
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
            name: max(getattr(sample, name) for sample in samples) for name in ("rss", "pss", "own")
        },
        "growth": round(growth, 3),
        "passed": growth <= GROWTH,
    }


def writers(server: Server, seconds: float) -> dict[str, Any]:
    """Eight connections that do nothing but write; refusals are counted, not raised."""
    sample = server.endpoint.measure(
        _mixed(server, only_writes=True), connections=CONNECTIONS, seconds=seconds, lenient=True
    )
    return _summed_up(server, sample)


def beside(
    small: Server, large: Server, seconds: float, say: Callable[[str], None]
) -> dict[str, Any]:
    """Eight writers for so long on each of two databases in turn; compares the latest answers.

    Writers use a key, and a session in the tag editor. Each database has its worker, to which a visit of
    the overview in each turn gives work. Errors are counted, not raised.
    """
    servers = (small, large)
    samples: dict[str, list[Sample]] = {server.name: [] for server in servers}
    requests = {server.name: _mixed(server, only_writes=True) for server in servers}
    with ExitStack() as stack:
        for server in servers:
            stack.enter_context(_worker(server))
        for turn in range(max(1, round(seconds / SLICE))):
            for server in servers if turn % 2 else servers[::-1]:
                _visit_overview(server)
                sample = server.endpoint.measure(
                    requests[server.name],
                    connections=CONNECTIONS,
                    seconds=min(seconds, SLICE),
                    lenient=True,
                )
                samples[server.name].append(sample)
                late = percentile(sample.times, 0.999)
                say(f"{server.name}: {len(sample.times):,} writes, p99.9 {late:,.0f} ms")
    found = [_times(server.name, samples[server.name]) for server in servers]
    later = found[1]["p999"] - found[0]["p999"]
    errors = sum(result["error_count"] for result in found)
    return {
        "databases": found,
        "p999_later": round(later, 1),
        "passed": not errors and later <= LATER,
    }


@contextmanager
def _worker(server: Server) -> Iterator[None]:
    process = start(worker_command(), env=settings_for(server.database.url))
    try:
        yield
    finally:
        stop([process])


def _visit_overview(server: Server) -> None:
    visit = Call("GET", "/", page=True)
    request = request_bytes(visit.method, visit.path, headers_of(visit, server.facts), b"")
    server.endpoint.measure(lambda _: request, connections=1, seconds=0)


def _times(name: str, samples: list[Sample]) -> dict[str, Any]:
    times = [time for sample in samples for time in sample.times]
    errors = [error for sample in samples for error in sample.errors]
    seconds = sum(sample.seconds for sample in samples)
    return {
        "database": name,
        "seconds": round(seconds, 1),
        "rps": round(len(times) / seconds, 1),
        "p50": round(percentile(times, 0.5), 1),
        "p99": round(percentile(times, 0.99), 1),
        "p999": round(percentile(times, 0.999), 1),
        "slowest": round(max(times), 1),
        "errors": errors[:10],
        "error_count": len(errors),
    }


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
