"""Processor time of servers on this machine, as Linux counts it for their processes.

A process's own figures are in steps of 1/100 s. They include those of children that have ended, such as
the server processes of closed database connections.
"""

import os
from pathlib import Path
from typing import NamedTuple

import psycopg

_TICK = os.sysconf("SC_CLK_TCK")


class Processors(NamedTuple):
    """Seconds of processor time: of the application and of its database.

    Zero where there are no processes to look at: SQLite is part of the application, and a
    database may be on another machine.
    """

    app: float
    database: float

    def since(self, before: "Processors") -> "Processors":
        """Return the time between two moments."""
        return Processors(self.app - before.app, self.database - before.database)


def used(application: int | None, database: int | None) -> Processors:
    """Return the time used so far by two processes and all that they have started."""
    return Processors(_seconds(application), _seconds(database))


def _seconds(process: int | None) -> float:
    if process is None:
        return 0.0
    return sum(_ticks(pid) for pid in (process, *descendants(process))) / _TICK


def descendants(process: int) -> list[int]:
    """Return the processes that a process has started, and those that these have started."""
    found = []
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        for child in map(int, _read(task).split()):
            found += [child, *descendants(child)]
    return found


def _ticks(process: int) -> int:
    """Return a process's own time and that of its children that have ended; 0 if it has ended."""
    fields = _read(Path(f"/proc/{process}/stat")).rpartition(")")[2].split()
    return sum(map(int, fields[11:15]))


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):  # the process has ended
        return ""


def postgres_process(url: str) -> int | None:
    """Return the main process of a database's server; None if it is not on this machine."""
    with psycopg.connect(url) as connection:
        own = connection.info.backend_pid
        status = _read(Path(f"/proc/{own}/status"))
    lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    return int(lines["PPid"]) if lines.get("Name") == "postgres" else None
