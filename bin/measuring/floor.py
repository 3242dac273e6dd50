"""The floor of a scenario: an application that only sends its statements and answers as many bytes.

It runs in the same web server as ADE, with the same settings and as many database connections, but
without Django: psycopg sends statements that were recorded from real requests, with their
parameters. So it shows what a request costs that does nothing but its SQL.
"""

import os
import pickle
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from queue import SimpleQueue
from time import perf_counter
from typing import Any, NamedTuple

import psycopg

CONNECTIONS = 4  # of a process, as many as ADE has worker slots
FILE = "ADE_FLOOR"  # the environment variable with the path of the recordings
STEPS = 14  # replacements of an agent's tags, after which it has the first ones again
_WORSE = 1.5  # times that a plan for any values may take, before it counts as a bad one
_TRIES = 5  # of a statement in each form


class Statement(NamedTuple):
    """One statement as Django sent it. `many`: `params` is a list of them."""

    sql: str
    params: Any
    many: bool
    in_transaction: bool


@dataclass(slots=True)
class Recording:
    """The statements of requests of one scenario, and those that undo each of them.

    `planned` contains the texts that the server plans once. The others are planned for their values
    each time, because a plan for any values is a bad one.
    """

    requests: list[list[Statement]]
    undo: list[list[Statement]] = field(default_factory=list)
    size: int = 0  # bytes of an answer
    planned: set[str] = field(default_factory=set)

    def add(self, request: "Recording", undo: "Recording | None" = None) -> None:
        """Append one request, and what undoes it."""
        self.requests += request.requests
        self.undo += undo.requests if undo else []
        self.size = request.size


def connect(url: str) -> psycopg.Connection[Any]:
    """Return a connection on which a prepared statement has one plan, as on ADE's."""
    connection = psycopg.connect(url, autocommit=True, prepare_threshold=0)
    connection.prepared_max = 1000
    connection.execute("SET plan_cache_mode = force_generic_plan")
    return connection


class Sender:
    """Sends statements on one connection and fetches their rows."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._planned = connection.cursor()
        self._plain = psycopg.ClientCursor(connection)

    def send(self, statements: Iterable[Statement], planned: set[str]) -> None:
        """Send the statements of a request, in a transaction where they were in one."""
        for in_transaction, group in groupby(statements, lambda one: one.in_transaction):
            if in_transaction:
                self._plain.execute("BEGIN")
            for statement in group:
                self.send_one(statement, planned=statement.sql in planned)
            if in_transaction:
                self._plain.execute("COMMIT")

    def send_one(self, statement: Statement, *, planned: bool) -> None:
        """Send a statement, prepared or as text with its values."""
        cursor = self._planned if planned else self._plain
        if statement.many and len(statement.params) > 1:
            cursor.executemany(statement.sql, statement.params)
        else:
            cursor.execute(
                statement.sql, statement.params[0] if statement.many else statement.params
            )
        if cursor.description:
            cursor.fetchall()

    def rehearse(self, recording: Recording) -> None:
        """Send everything once, and find which statements can be planned once."""
        known: set[str] = set()
        for number, request in enumerate(recording.requests):
            for statements in (request, *recording.undo[number : number + 1]):
                if any(statement.sql not in known for statement in statements):
                    with self._connection.transaction(force_rollback=True):
                        for statement in statements:
                            self._compare(statement, known, recording.planned)
                self.send(statements, recording.planned)

    def _compare(self, statement: Statement, known: set[str], planned: set[str]) -> None:
        """Time a statement that is not known yet in both forms, then run it."""
        if statement.params is None:  # BEGIN and the like, which have no plan
            known.add(statement.sql)
            return
        if statement.sql not in known:
            known.add(statement.sql)
            plain = self._fastest(statement, planned=False)
            if self._fastest(statement, planned=True) < _WORSE * plain:
                planned.add(statement.sql)
        self.send_one(statement, planned=statement.sql in planned)

    def _fastest(self, statement: Statement, *, planned: bool) -> float:
        """Return the seconds of the fastest try; infinite if it fails in this form."""
        times = []
        for _ in range(_TRIES):
            # Past psycopg, which would prepare all statements again after a rollback.
            self._connection.pgconn.exec_(b"SAVEPOINT try")
            try:
                began = perf_counter()
                self.send_one(statement, planned=planned)
                times.append(perf_counter() - began)
            except psycopg.ProgrammingError:  # a parameter whose type is unknown
                return float("inf")
            finally:
                self._connection.pgconn.exec_(b"ROLLBACK TO SAVEPOINT try")
        return min(times)


_Start = Callable[[str, list[tuple[str, str]]], object]


def _application() -> Callable[[dict[str, Any], _Start], list[bytes]]:
    """Return an application that answers /SCENARIO/NUMBER and /SCENARIO/NUMBER/undo."""
    recordings: list[Recording] = load(Path(os.environ[FILE]))
    answers = [b" " * recording.size for recording in recordings]
    senders: SimpleQueue[Sender | None] = SimpleQueue()
    for _ in range(CONNECTIONS):
        senders.put(None)

    def application(environ: dict[str, Any], start: _Start) -> list[bytes]:
        environ["wsgi.input"].read()
        parts = environ["PATH_INFO"].split("/")[1:]
        if len(parts) < 2:  # the question whether the server has started
            start("404 Not Found", [("Content-Length", "0")])
            return []
        scenario, number, *undo = parts
        recording = recordings[int(scenario)]
        requests = recording.undo if undo else recording.requests
        sender = senders.get()
        try:
            sender = sender or Sender(connect(os.environ["DATABASE_URL"]))
            sender.send(requests[int(number)], recording.planned)
        finally:
            senders.put(sender)
        answer = answers[int(scenario)]
        start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(answer)))])
        return [answer]

    return application


def load(path: Path) -> list[Recording]:
    """Return the recordings in a file."""
    recordings: list[Recording] = pickle.loads(path.read_bytes())  # noqa: S301  # our own file
    return recordings


def __getattr__(name: str) -> Any:
    """Make `application` when the web server asks for it; other importers have no recordings."""
    if name == "application":
        return _application()
    raise AttributeError(name)
