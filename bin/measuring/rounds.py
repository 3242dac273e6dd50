"""Measuring in rounds: in each, every scenario on every server, one shortly after the other.

What slows the machine for a while so slows all that is compared alike.
"""

from collections.abc import Callable
from typing import Any

from measuring.client import Sample
from measuring.floors import MOST_CONNECTIONS, Floor
from measuring.numbers import percentile
from measuring.scenarios import Scenario
from measuring.servers import Server

WARM_SECONDS = 0.2


def measured(
    servers: list[Server],
    scenarios: list[Scenario],
    *,
    connections: list[int],
    rounds: int,
    seconds: float,
    floors: dict[str, Floor],
    say: Callable[[str], None],
) -> list[dict[str, Any]]:
    """One cell for each server, scenario and number of connections, with a figure of each round.

    With the most connections, the floor of a scenario is measured right after it.
    """
    floored = max((count for count in connections if count <= MOST_CONNECTIONS), default=0)
    cells: dict[tuple[str, int, str], dict[str, Any]] = {}
    for turn in range(rounds + 1):  # the first warms up, and is not kept
        say(f"round {turn} of {rounds}" if turn else "warming up")
        for scenario in scenarios:
            for count in connections:
                # Each server is now first, now last.
                for server in servers[turn % len(servers) :] + servers[: turn % len(servers)]:
                    cell = cells.setdefault(
                        (scenario.name, count, server.name), _empty(scenario, count, server)
                    )
                    length = seconds if turn else WARM_SECONDS
                    sample = server.measure(scenario, connections=count, seconds=length)
                    note(cell, sample, turn)
                    floor = floors.get(server.name)
                    if floor and scenario.name in floor.counts and count == floored:
                        sample = floor.measure(scenario, connections=count, seconds=length)
                        note(cell.setdefault("floor", figures()), sample, turn)
    return list(cells.values())


def _empty(scenario: Scenario, connections: int, server: Server) -> dict[str, Any]:
    named = {
        "scenario": scenario.name,
        "connections": connections,
        "database": server.name,
    }
    return named | figures()


def figures() -> dict[str, Any]:
    """Return an empty cell: the figures of each round."""
    names = ("rps", "p50", "p95", "client", "app_ms", "database_ms")
    return {"requests": 0, "bytes": 0} | {name: [] for name in names}


def note(cell: dict[str, Any], sample: Sample, turn: int) -> None:
    """Keep the figures of a round; processor time in ms for each request. Round 0 is not kept."""
    count = len(sample.times)
    if not turn or not count:  # a removal may find nothing left that was added
        return
    cell["requests"] += count
    cell["bytes"] = sample.size
    cell["rps"].append(round(count / sample.seconds, 2))
    cell["p50"].append(round(percentile(sample.times, 0.5), 3))
    cell["p95"].append(round(percentile(sample.times, 0.95), 3))
    cell["client"].append(round(sample.client / sample.seconds, 3))
    cell["app_ms"].append(round(sample.server.app / count * 1000, 3))
    cell["database_ms"].append(round(sample.server.database / count * 1000, 3))
