"""The production server on each database, and the scenarios' requests to it."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from processes import ROOT, start, stop
from serve import await_answer, free_port, server_command

from measuring.client import NextRequest, Sample, load, request_bytes
from measuring.databases import FOLDER, Database, manage, settings_for
from measuring.scenarios import Facts, Scenario, State, body_of, headers_of


@dataclass(slots=True)
class Server:
    """A running server and what is known of its database."""

    database: Database
    port: int
    process: int
    state: State
    log: Path

    @property
    def name(self) -> str:
        return self.database.name

    @property
    def facts(self) -> Facts:
        return self.state.facts

    def requests(self, scenario: Scenario) -> NextRequest:
        """The scenario's next request of a connection, as bytes."""

        def next_request(connection: int) -> bytes | None:
            call = scenario.next_call(self.state, connection)
            if call is None:
                return None
            headers = headers_of(call, self.facts)
            return request_bytes(call.method, call.path, headers, body_of(call))

        return next_request

    def measure(self, scenario: Scenario, *, connections: int, seconds: float) -> Sample:
        """Ask for so long. Raises WrongAnswer."""
        requests = self.requests(scenario)
        return load(self.port, connections=connections, seconds=seconds, next_request=requests)


@contextlib.contextmanager
def serving(databases: list[Database]) -> Iterator[list[Server]]:
    """All servers at once; afterwards what was measured is undone and the databases are at rest."""
    manage(databases[0].url, "collectstatic", "--no-input", "--verbosity=0")
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(_serving(database)) for database in databases]


@contextlib.contextmanager
def _serving(database: Database) -> Iterator[Server]:
    manage(database.url, "migrate", "--verbosity=0")
    facts = Facts(**inside(database, "prepare"))
    port = free_port()
    path = FOLDER / f"server-{port}.log"
    try:
        with path.open("wb") as log:
            environment = settings_for(database.url) | {"LOG_LEVEL": "INFO"}  # as in production
            process = start(server_command(port), env=environment, output=log)
            try:
                await_answer(process, port)
                yield Server(database, port, process.pid, State(facts), path)
            finally:
                stop([process])
        for line in troubles(path.read_text()):
            print(f"The server of {database.name} said: {line}", file=sys.stderr)
    finally:
        path.unlink()
        inside(database, "tidy")


def troubles(log: str) -> list[str]:
    """What the server logged besides what it logs of every request; the first twenty lines."""
    usual = ('"level": "INFO"', '"level": "DEBUG"')
    return [line for line in log.splitlines() if not any(part in line for part in usual)][:20]


def look(server: Server, names: list[str]) -> dict[str, Any]:
    """What scenarios do inside the application: statements, pages, times without a network."""
    asked = {
        "facts": {name: getattr(server.facts, name) for name in Facts.__slots__},
        "names": names,
    }
    return inside(server.database, "look", json.dumps(asked))


def inside(database: Database, what: str, given: str = "") -> dict[str, Any]:
    """What `python -m measuring` answers about a database. Ends the program if it fails."""
    ran = subprocess.run(
        [sys.executable, "-m", "measuring", what],
        cwd=ROOT,
        env=settings_for(database.url),
        input=given,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if ran.returncode:
        sys.exit(f"{database.name}: {what} failed.")
    answer: dict[str, Any] = json.loads(ran.stdout)
    return answer
