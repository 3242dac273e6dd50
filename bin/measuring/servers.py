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
from measuring.processors import postgres_process, used
from measuring.scenarios import Facts, Scenario, State, body_of, headers_of


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A port on this machine, and the processes behind it: the application's and its database's.

    Each is the process that has started the others. None: its time is not measured.
    """

    port: int
    process: int | None
    database_process: int | None

    def measure(
        self, next_request: NextRequest, *, connections: int, seconds: float, lenient: bool = False
    ) -> Sample:
        """Ask for so long, and add the server's processor time. Raises WrongAnswer."""
        before = used(self.process, self.database_process)
        sample = load(
            self.port,
            connections=connections,
            seconds=seconds,
            next_request=next_request,
            lenient=lenient,
        )
        sample.server = used(self.process, self.database_process).since(before)
        return sample


@dataclass(slots=True)
class Server:
    """A running server and what is known of its database."""

    database: Database
    endpoint: Endpoint
    state: State

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
        return self.endpoint.measure(requests, connections=connections, seconds=seconds)


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
    try:
        # As in production.
        with started(database, "ade.wsgi:application", {"LOG_LEVEL": "INFO"}) as endpoint:
            yield Server(database, endpoint, State(facts))
    finally:
        inside(database, "tidy")


@contextlib.contextmanager
def started(database: Database, application: str, settings: dict[str, str]) -> Iterator[Endpoint]:
    """Serve a WSGI application as `make run` serves ADE."""
    port = free_port()
    path = FOLDER / f"server-{port}.log"
    FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = [*server_command(port)[:-1], application]
    postgres = postgres_process(database.url) if database.kind == "postgresql" else None
    try:
        with path.open("wb") as log:
            process = start(command, env=settings_for(database.url) | settings, output=log)
            try:
                await_answer(process, port)
                yield Endpoint(port, process.pid, postgres)
            finally:
                stop([process])
        for line in troubles(path.read_text()):
            print(f"The server of {database.name} said: {line}", file=sys.stderr)
    finally:
        path.unlink()


def troubles(log: str) -> list[str]:
    """What the server logged besides what it logs of every request; the first twenty lines."""
    usual = ('"level": "INFO"', '"level": "DEBUG"')
    return [line for line in log.splitlines() if not any(part in line for part in usual)][:20]


def look(server: Server, names: list[str]) -> dict[str, Any]:
    """What scenarios do inside the application: statements and database pages."""
    return inside(server.database, "look", _asked(server.facts, names))


def record(server: Server, names: list[str], path: Path) -> dict[str, int]:
    """Record what scenarios send to the database. Return the number of requests of each."""
    return inside(server.database, "record", _asked(server.facts, names, path=str(path)))


def _asked(facts: Facts, names: list[str], **more: str) -> str:
    known = {name: getattr(facts, name) for name in Facts.__slots__}
    return json.dumps({"facts": known, "names": names, **more})


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
