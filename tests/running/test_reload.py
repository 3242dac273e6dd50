"""New code without an outage, and nothing left of a main process that was killed."""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import ROOT, start, stop
from serve import answers, free_port, server_command

pytestmark = pytest.mark.only_sqlite  # the database plays no part


def workers_of(main: int) -> set[int]:
    """The processes that this one started."""
    return set(map(int, Path(f"/proc/{main}/task/{main}/children").read_text().split()))


def ask(port: int) -> bytes:
    """The first line of an answer on a new connection, as a proxy without kept connections asks."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = b""
        while part := connection.recv(4096):
            answer += part
    return answer.partition(b"\r\n")[0]


class Asking:
    """Clients that ask all the time; what went wrong."""

    def __init__(self, port: int, clients: int) -> None:
        self.answered, self.failed = 0, []
        self._port, self._over = port, threading.Event()
        self._threads = [threading.Thread(target=self._go) for _ in range(clients)]

    def __enter__(self) -> "Asking":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _go(self) -> None:
        while not self._over.is_set():
            try:
                line = ask(self._port)
            except OSError as error:
                line = str(error).encode()
            if line == b"HTTP/1.1 200 OK":
                self.answered += 1
            else:
                self.failed.append(line)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    port = free_port()
    environment = os.environ | {
        "DATABASE_URL": f"sqlite:///{tmp_path}/ade.sqlite3",
        "SECRET_KEY": "only for this test" * 4,
        "STATIC_ROOT": str(tmp_path),
        "RUN_DIR": str(tmp_path / "run"),
        "PYTHONPATH": str(ROOT),
    }
    program = start(server_command(port), env=environment)
    try:
        while not answers(port) or len(workers_of(program.pid)) < 2:
            assert program.poll() is None
            time.sleep(0.1)
        yield program, port
    finally:
        stop([program])


@pytest.mark.prove
def test_a_reload_refuses_nobody(server: tuple["subprocess.Popen[bytes]", int]) -> None:
    program, port = server
    old = workers_of(program.pid)
    began = time.monotonic()
    with Asking(port, clients=4) as asking:
        program.send_signal(signal.SIGHUP)
        while workers_of(program.pid) & old or len(workers_of(program.pid)) < 2:
            assert time.monotonic() < began + 300
            assert program.poll() is None
            time.sleep(0.1)
        at_the_end = asking.answered
        while asking.answered < at_the_end + 50:
            assert time.monotonic() < began + 360
            time.sleep(0.05)
    print(f"{asking.answered} answers in {time.monotonic() - began:.1f} s")
    assert (asking.failed, asking.answered > 100) == ([], True)


@pytest.mark.whole
def test_a_killed_main_process_leaves_nothing_on_the_port(
    server: tuple["subprocess.Popen[bytes]", int],
) -> None:
    program, port = server
    workers = workers_of(program.pid)
    os.kill(program.pid, signal.SIGKILL)
    program.wait()
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with pytest.raises(ConnectionRefusedError):
        ask(port)
