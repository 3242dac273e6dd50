"""ADE beside running servers of Letta: the same requests, in rounds, on the same number of agents.

Both have the agents of the load test (`manage.py bench_data --shape loadtest`): tier:gold is on a fifth
of the agents, env:prod on a third. Both check a key, and answers are about equally long.
"""

import contextlib
import http.client
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from serve import HOST

from measuring.client import TIMEOUT_SECONDS, NextRequest, WrongAnswer, request_bytes
from measuring.processors import postgres_process
from measuring.rounds import WARM_SECONDS, figures, note
from measuring.scenarios import CREATED, TARGET, Call, body_of, client_headers
from measuring.servers import Endpoint, Server

CONNECTIONS = 8
_MODEL = {"model": "letta/letta-free", "embedding": "letta/letta-free"}
_LIST = [("tags", "tier:gold"), ("limit", "50"), ("include", "agent.tags")]
_TWO = [("tags", "tier:gold"), ("tags", "env:prod"), ("match_all_tags", "true")]
_SOME = "agent-00000005-0000-4000-8000-000000000005"


class Pair(NamedTuple):
    """A request to both. `goal`: how many times as many as Letta ADE answers at least."""

    name: str
    goal: float


PAIRS = [
    Pair("list by tag", 18),
    Pair("get an agent", 4),
    Pair("replace the tags", 5.5),
    Pair("create an agent", 6),
    Pair("count of one tag", 100),
    Pair("count of two tags", 15),
    Pair("deep page", 100),
]


@dataclass(slots=True)
class Side:
    """A server, its key, and the agents that were made there to be edited."""

    name: str
    endpoint: Endpoint
    key: str
    middle: str
    targets: list[str]
    calls: int = 0

    def call(self, name: str, connection: int) -> Call:
        """Return the next request of a connection."""
        self.calls += 1
        if name == "list by tag":
            return Call("GET", f"/v1/agents/?{urlencode(_LIST)}")
        if name == "deep page":
            return Call("GET", f"/v1/agents/?{urlencode([*_LIST, ('after', self.middle)])}")
        if name == "get an agent":
            return Call("GET", f"/v1/agents/{_SOME}?include=agent.tags")
        if name == "count of one tag":
            return Call("GET", f"/v1/agents/count?{urlencode(_TWO[:1])}")
        if name == "count of two tags":
            return Call("GET", f"/v1/agents/count?{urlencode(_TWO)}")
        if name == "replace the tags":
            env = "env:dev" if self.calls % 2 else "env:prod"
            tags = [f"user_{self.calls % 50}", "tier:gold", env, TARGET]
            return Call("PATCH", f"/v1/agents/{self.targets[connection]}", {"tags": tags})
        tags = [f"user_bench{self.calls % 50}", CREATED, "env:bench"]
        return Call("POST", "/v1/agents/", {"memory_blocks": [], **_MODEL, "tags": tags})

    def requests(self, name: str) -> NextRequest:
        """Return the requests as bytes."""
        return lambda connection: self.bytes_of(self.call(name, connection))

    def bytes_of(self, call: Call) -> bytes:
        """Return a request with this server's key."""
        headers = client_headers(self.key, call)
        return request_bytes(call.method, call.path, headers, body_of(call))

    def ask(self, call: Call) -> bytes:
        """Return the body of one answer. Raises WrongAnswer."""
        connection = http.client.HTTPConnection(HOST, self.endpoint.port, timeout=TIMEOUT_SECONDS)
        with contextlib.closing(connection):
            headers = client_headers(self.key, call)
            connection.request(call.method, call.path, body_of(call), headers)
            answer = connection.getresponse()
            body = answer.read()
        if answer.status != 200:
            raise WrongAnswer(f"{answer.status} to {call.method} {call.path}: {body[:300]!r}")
        return body

    def prepare(self, system: str | None) -> None:
        """Make the agents to edit, with this system prompt. Raises WrongAnswer."""
        self.tidy()
        prompt = {"system": system} if system else {}
        body = {"memory_blocks": [], **_MODEL, **prompt, "tags": [TARGET]}
        for _ in range(CONNECTIONS):
            self.targets.append(json.loads(self.ask(Call("POST", "/v1/agents/", body)))["id"])

    def tidy(self) -> None:
        """Delete the agents that were made. Raises WrongAnswer."""
        for tag in (TARGET, CREATED):
            query = urlencode({"tags": tag, "limit": 100})
            while found := json.loads(self.ask(Call("GET", f"/v1/agents/?{query}"))):
                for agent in found:
                    self.ask(Call("DELETE", f"/v1/agents/{agent['id']}"))
        self.targets.clear()


def letta(text: str) -> tuple[str, int, int | None]:
    """Return name, port and process of an option NAME=URL or NAME=URL,PROCESS. Raises ValueError."""
    name, _, place = text.partition("=")
    url, _, process = place.partition(",")
    parts = urlsplit(url)
    if not name or parts.hostname not in (HOST, "localhost") or not parts.port:
        raise ValueError(f"{text!r} is not like NAME=http://{HOST}:PORT or NAME=URL,PROCESS.")
    return name, parts.port, int(process) if process else None


def lettas(asked: list[tuple[str, int, int | None]], key: str, database: str) -> list[Side]:
    """Return the running servers of Letta. `database`: the URL of their PostgreSQL, or empty."""
    postgres = postgres_process(database) if database else None
    return [
        Side(name, Endpoint(port, process, postgres), key, "", []) for name, port, process in asked
    ]


def prompt_of(side: Side) -> str:
    """Return a text that makes an agent of ADE as long as one of this server of Letta."""
    agent = json.loads(side.ask(Call("GET", f"/v1/agents/{_SOME}?include=agent.tags")))
    return f"{agent['system']}\n{json.dumps(agent['compaction_settings'])}"


def measured_beside(
    server: Server, others: list[Side], *, rounds: int, seconds: float, say: Callable[[str], None]
) -> dict[str, Any]:
    """Measure all requests on all servers in rounds. Raises WrongAnswer, ValueError."""
    ade = Side("ADE", server.endpoint, server.facts.token, "", [])
    sides = [ade, *others]
    agents = {side.name: int(side.ask(Call("GET", "/v1/agents/count"))) for side in sides}
    if max(agents.values()) > 1.01 * min(agents.values()):
        raise ValueError(f"The servers do not have equally many agents: {agents}.")
    middle = _middle(min(agents.values()))
    for side in sides:
        side.middle = middle
    with contextlib.ExitStack() as stack:
        for side in (ade, others[0]):  # all of Letta share a database
            stack.callback(side.tidy)
            side.prepare(prompt_of(others[0]) if side is ade else None)
        for side in others[1:]:
            side.targets = others[0].targets
        return {"agents": agents, "cells": _rounds(sides, rounds, seconds, say)}


def _middle(agents: int) -> str:
    """Return the agent of the load test that was created half-way."""
    stride, period = 7919, 1_000_003
    number = min(range(min(agents, period)), key=lambda i: abs(i * stride % period - period // 2))
    return f"agent-{number:08x}-0000-4000-8000-{number:012x}"


def _rounds(
    sides: list[Side], rounds: int, seconds: float, say: Callable[[str], None]
) -> list[dict[str, Any]]:
    cells = {
        (pair.name, side.name): {"scenario": pair.name, "side": side.name} | figures()
        for pair in PAIRS
        for side in sides
    }
    for turn in range(rounds + 1):  # the first warms up, and is not kept
        say(f"round {turn} of {rounds}" if turn else "warming up")
        for pair in PAIRS:
            for side in sides[turn % len(sides) :] + sides[: turn % len(sides)]:
                count, length = (CONNECTIONS, seconds) if turn else (1, WARM_SECONDS)
                try:
                    sample = side.endpoint.measure(
                        side.requests(pair.name), connections=count, seconds=length
                    )
                except WrongAnswer as error:
                    raise WrongAnswer(f"{side.name}: {error}") from error
                note(cells[pair.name, side.name], sample, turn)
    return list(cells.values())
