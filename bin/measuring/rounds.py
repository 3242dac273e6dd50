"""Measuring in rounds: in each, every scenario on every server, one shortly after the other.

What slows the machine for a while so slows all that is compared alike.
"""

from collections.abc import Callable
from typing import Any

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
    say: Callable[[str], None],
) -> list[dict[str, Any]]:
    """One cell for each server, scenario and number of connections, with a figure of each round."""
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
                    _measure(cell, server, scenario, count, seconds if turn else WARM_SECONDS, turn)
    return list(cells.values())


def _empty(scenario: Scenario, connections: int, server: Server) -> dict[str, Any]:
    return {
        "scenario": scenario.name,
        "connections": connections,
        "database": server.name,
        "requests": 0,
        "rps": [],
        "p50": [],
        "p95": [],
        "client": [],
    }


def _measure(
    cell: dict[str, Any],
    server: Server,
    scenario: Scenario,
    connections: int,
    seconds: float,
    turn: int,
) -> None:
    sample = server.measure(scenario, connections=connections, seconds=seconds)
    if not turn or not sample.times:  # a removal may find nothing left that was added
        return
    cell["requests"] += len(sample.times)
    cell["rps"].append(round(len(sample.times) / sample.seconds, 2))
    cell["p50"].append(round(percentile(sample.times, 0.5), 3))
    cell["p95"].append(round(percentile(sample.times, 0.95), 3))
    cell["client"].append(round(sample.client / sample.seconds, 3))
