"""Stopping: what is under way is finished, nothing new is taken, and it ends in its time."""

import os
import socket
import subprocess
import threading
import time
from pathlib import Path

import httpx
import pytest
from processes import ROOT, start, stop
from serve import answers, free_port, server_command

SLOW = """
import time
from pathlib import Path
from ade.wsgi import application as django

folder = Path(__file__).parent


def application(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        (folder / "under way").touch()
        while not (folder / "go on").exists():
            time.sleep(0.05)
    return django(environ, start_response)
"""


def closed(port: int) -> bool:
    """True once nobody listens there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=60).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.whole
def test_a_request_under_way_is_finished(tmp_path: Path) -> None:
    (tmp_path / "slow_ade.py").write_text(SLOW)
    port = free_port()
    environment = os.environ | {
        "DATABASE_URL": f"sqlite:///{tmp_path}/ade.sqlite3",
        "SECRET_KEY": "only for this test" * 4,
        "STATIC_ROOT": str(tmp_path),
        "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
        "RUN_DIR": str(tmp_path / "run"),
        "DEBUG": "true",
    }
    command = [*server_command(port)[:-1], "slow_ade:application"]
    server = start(command, env=environment)
    try:
        while not answers(port):
            assert server.poll() is None
        got: list[int] = []

        def ask() -> None:
            got.append(httpx.get(f"http://127.0.0.1:{port}/slow", timeout=60).status_code)

        asking = threading.Thread(target=ask)
        asking.start()
        while not (tmp_path / "under way").exists():
            assert asking.is_alive()
            time.sleep(0.05)
        server.terminate()
        with pytest.raises(subprocess.TimeoutExpired):
            server.wait(timeout=1)
        assert got == []
        (tmp_path / "go on").touch()
        asking.join()
        server.wait(timeout=60)
        assert got == [404]  # the page that is not there, from ADE and whole
        assert closed(port)
    finally:
        stop([server])
