"""Serve ADE in the foreground: web server and worker, which stop together.

bin/run prepares the database and the settings, and starts this. A worker that ends, for example because
the database is unreachable, is started again. If the server ends, everything ends.
"""

import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

from processes import start, stop

HOST = "127.0.0.1"
START_SECONDS = 120  # until the server answers; usually three, on a busy machine many more
STOP_SECONDS = 30  # for open requests and a batch of background work
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds before a worker that ended is started again

BANNER = """
ADE runs at {url}

  Sign in    user {user}, password {password}
  Then       pick an agent, open Advanced Settings, type a tag and press Enter.

The API answers here without a key. Create an agent for a user, and find it again:

  curl -X POST {url}/v1/agents/ \\
    -H "Authorization: Bearer any-token" -H "Content-Type: application/json" \\
    -d '{{"memory_blocks": [], "llm": "anthropic/claude-3-5-sonnet-20241022",
         "context_window_limit": 200000, "embedding": "openai/text-embedding-ada-002",
         "tags": ["user_1"]}}'
  curl "{url}/v1/agents/?tags=user_1" -H "Accept: application/json"

The same in Python, after pip install letta-client:

  from letta_client import Letta

  user_id = "my_uuid"
  client = Letta(base_url="{url}")
  client.agents.create(
      memory_blocks=[], model="anthropic/claude-3-5-sonnet-20241022",
      context_window_limit=200000, embedding="openai/text-embedding-ada-002", tags=[user_id],
  )
  print([agent.id for agent in client.agents.list(tags=[user_id])])

Do not put a proxy or a tunnel in front of it: the API is open to every program on this machine, and
a proxy would be one of them. docs/operate/deploy.md describes how to serve ADE to others.

Ctrl-C stops it. The data stays.
"""


def server_command(port: int) -> list[str | Path]:
    """Return the command for Granian with two workers. Most of their threads wait for request bodies: ade/server/request_bodies.py."""
    return [
        Path(sys.executable).parent / "granian",
        "--interface=wsgi",
        f"--host={HOST}",
        f"--port={port}",
        "--workers=2",
        "--blocking-threads=64",
        "--backpressure=4096",  # connections of a worker, including unused ones
        "--http=1",
        "--no-ws",
        "--respawn-failed-workers",
        "--respawn-interval=30",  # seconds that a new worker has at a reload before the old one stops
        "--http1-header-read-timeout=15000",  # also the limit for an unused connection
        "--workers-kill-timeout=25",  # seconds; less than STOP_SECONDS
        "--log-level=error",  # there is a warning about the number of threads
        "ade.wsgi:application",
    ]


def worker_command() -> list[str | Path]:
    """Return the command for the worker, which logs errors only."""
    manage = ["manage.py", "db_worker", "--no-reload", "--no-startup-delay", "--verbosity=0"]
    return [sys.executable, *manage]


def free_port() -> int:
    """Return a port that nothing listens on now."""
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])


def answers(port: int) -> bool:
    """True if the server gives any HTTP answer."""
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def await_answer(server: "subprocess.Popen[bytes]", port: int) -> None:
    """Return when the server answers. Exit if it does not within START_SECONDS."""
    deadline = time.monotonic() + START_SECONDS
    while not answers(port):
        if server.poll() is not None or time.monotonic() > deadline:
            sys.exit("The server did not start.")
        time.sleep(0.2)


class Signals:
    """Counts signals to stop: the first stops politely, the second at once."""

    def __init__(self) -> None:
        self.count = 0
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._count)

    def _count(self, number: int, frame: FrameType | None) -> None:
        self.count += 1


class Worker:
    """The worker. If it ends, it is started again after a pause.

    The pause doubles up to LONGEST_PAUSE. A worker that ran longer than that resets it.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._pause = FIRST_PAUSE
        self._due = 0.0
        self._start()

    def _start(self) -> None:
        self.program = start(worker_command(), env=self._environment)
        self._started = time.monotonic()

    def look(self) -> None:
        """Start the worker again if it has ended and the pause is over."""
        status = self.program.poll()
        if status is None:
            return
        now = time.monotonic()
        if not self._due:
            if now - self._started > LONGEST_PAUSE:
                self._pause = FIRST_PAUSE
            print(
                f"The worker ended (status {status}): starts again in {self._pause:g} seconds.",
                file=sys.stderr,
                flush=True,
            )
            self._due = now + self._pause
            self._pause = min(self._pause * 2, LONGEST_PAUSE)
        elif now >= self._due:
            self._due = 0.0
            self._start()


def watch(server: subprocess.Popen[bytes], worker: Worker, asked: Signals, port: int) -> str | None:
    """Print the banner when the server answers, then wait. Return why it ended, or None if asked to stop."""
    started = False
    deadline = time.monotonic() + START_SECONDS
    while not asked.count:
        if server.poll() is not None:
            return f"the server ended by itself (status {server.returncode})"
        worker.look()
        if not started and answers(port):
            started = True
            print(banner(port), flush=True)
        if not started and time.monotonic() > deadline:
            return f"the server did not answer within {START_SECONDS} seconds"
        time.sleep(0.2)
    return None


def banner(port: int) -> str:
    """Return the text with ADE's address and the first steps."""
    user, password = os.environ["DEMO_USER"], os.environ["DEMO_PASSWORD"]
    return BANNER.format(url=f"http://{HOST}:{port}", user=user, password=password)


def main() -> int:
    port = int(os.environ["PORT"])
    environment = {name: value for name, value in os.environ.items() if name != "DEMO_PASSWORD"}
    asked = Signals()
    with tempfile.TemporaryDirectory(prefix="ade-run-") as folder:
        environment.setdefault("RUN_DIR", folder)  # so that /metrics adds up the counts of both
        server = start(server_command(port), env=environment)
        worker = Worker(environment)
        try:
            reason = watch(server, worker, asked, port)
        finally:
            first = asked.count
            stop(
                [server, worker.program],
                seconds=STOP_SECONDS,
                impatient=lambda: asked.count > max(first, 1),
            )
    if reason:
        print(f"ADE stopped: {reason}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
