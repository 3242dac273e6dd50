"""All of ADE as an operator runs it, web server and worker, to be killed in whole or in part."""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from processes import ROOT, start, stop
from serve import HOST, answers, free_port

from tests.scaling.databases import eventually


class Server:
    """`bin/serve.py`: Granian with two processes of four threads, and the worker."""

    def __init__(self, environment: dict[str, str], folder: Path, code: Path = ROOT) -> None:
        self.port = free_port()
        self.log = folder / f"log-{self.port}"
        self._code = code
        self._environment = environment | {
            "PORT": str(self.port),
            "DEMO_USER": "demo",
            "DEMO_PASSWORD": "demo",
            "RUN_DIR": environment.get("RUN_DIR", str(folder / f"run-{self.port}")),
        }
        self.start()

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        """As systemd does, also after `kill`."""
        with self.log.open("ab") as output:
            self._program = start(
                [sys.executable, self._code / "bin/serve.py"], env=self._environment, output=output
            )
        eventually(lambda: answers(self.port), seconds=90)

    def web_processes(self) -> list[int]:
        """Those that answer requests."""
        (main,) = self._children("granian")
        return [pid for pid in _children(main) if "resource_tracker" not in _command(pid)]

    def listeners(self) -> int:
        """How many of them take connections."""
        listening, port = "0A", f":{self.port:04X}"
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return sum(row[1].endswith(port) and row[3] == listening for row in rows)

    def workers(self) -> list[int]:
        """The one that does long work."""
        return self._children("db_worker")

    def kill(self) -> None:
        """SIGKILL to all of it at one moment."""
        pids = [self._program.pid]
        for pid in pids:
            pids += _children(pid)
        for pid in pids:
            kill(pid)
        self._program.wait()

    def stop(self) -> None:
        stop([self._program], seconds=20)

    def _children(self, what: str) -> list[int]:
        return [pid for pid in _children(self._program.pid) if what in _command(pid)]


@contextlib.contextmanager
def served(environment: dict[str, str], folder: Path, code: Path = ROOT) -> Iterator[Server]:
    """A server with this code, stopped afterwards."""
    server = Server(environment, folder, code)
    try:
        yield server
    finally:
        server.stop()


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += map(int, task.read_text().split())
    return found


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
