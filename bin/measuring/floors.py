"""The floors of a server's scenarios: the same statements behind the same web server, without ADE."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from measuring.client import NextRequest, Sample, request_bytes
from measuring.floor import FILE, STEPS
from measuring.scenarios import FLOORS, REPLACE, Call, Scenario, State, body_of, headers_of
from measuring.servers import Endpoint, Server, record, started

MOST_CONNECTIONS = 8  # because each replaces the tags of its own agent

Numbers = Callable[[int], int | None]  # the next recorded request of a connection


@dataclass(slots=True)
class Floor:
    """A running floor, and how many recorded requests it has of each scenario."""

    server: Server
    endpoint: Endpoint
    counts: dict[str, int]
    replaced: list[int]  # times that each connection replaced its agent's tags

    def measure(self, scenario: Scenario, *, connections: int, seconds: float) -> Sample:
        """Send for so long, or until each agent has its tag, and undo it. Raises WrongAnswer."""
        if scenario.name == REPLACE:
            return self._ask(scenario, self._to_replace, connections, seconds)
        if not scenario.is_write:
            return self._ask(scenario, lambda _: 0, connections, seconds)
        sent: list[int] = []

        def add(connection: int) -> int | None:
            if len(sent) == self.counts[scenario.name]:
                return None
            sent.append(len(sent))
            return sent[-1]

        sample = self._ask(scenario, add, connections, seconds)
        self._ask(scenario, lambda _: sent.pop() if sent else None, connections, 60, "/undo")
        return sample

    def _to_replace(self, connection: int) -> int:
        self.replaced[connection] += 1
        return connection * STEPS + (self.replaced[connection] - 1) % STEPS

    def _ask(
        self, scenario: Scenario, numbers: Numbers, connections: int, seconds: float, end: str = ""
    ) -> Sample:
        requests = self._requests(scenario, numbers, end)
        return self.endpoint.measure(requests, connections=connections, seconds=seconds)

    def _requests(self, scenario: Scenario, numbers: Numbers, end: str) -> NextRequest:
        """Return the floor's requests: like ADE's, with the number of the recording as the path."""
        place = list(self.counts).index(scenario.name)
        call = cast(Call, scenario.next_call(State(self.server.facts), 0))
        headers, body = headers_of(call, self.server.facts), body_of(call)

        def next_request(connection: int) -> bytes | None:
            number = numbers(connection)
            if number is None:
                return None
            return request_bytes(call.method, f"/{place}/{number}{end}", headers, body)

        return next_request


@contextlib.contextmanager
def floors_of(
    servers: list[Server], names: list[str], say: Callable[[str], None]
) -> Iterator[dict[str, Floor]]:
    """Run the floors of servers on PostgreSQL, by the servers' names."""
    wanted = [name for name in names if name in FLOORS]
    with contextlib.ExitStack() as stack:
        floors = {}
        for server in servers:
            if wanted and server.database.kind == "postgresql":
                say(f"recording the statements of {server.name}")
                floors[server.name] = stack.enter_context(_floor(server, wanted))
        yield floors


@contextlib.contextmanager
def _floor(server: Server, names: list[str]) -> Iterator[Floor]:
    with TemporaryDirectory(prefix="ade-floor-") as folder:
        path = Path(folder, "recordings")
        counts = record(server, names, path)
        with started(server.database, "measuring.floor:application", {FILE: str(path)}) as endpoint:
            yield Floor(server, endpoint, counts, [0] * MOST_CONNECTIONS)
