"""Stopping: what is under way is finished, nothing new is taken, and it ends in its time."""

import os
import socket
import threading
import time
from pathlib import Path

import httpx
import pytest
from processes import ROOT, start, stop
from serve import answers, free_port, server_command

SLOW = """
import time
from ade.wsgi import application as django


def application(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        time.sleep(float(environ["QUERY_STRING"]))
    return django(environ, start_response)
"""


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
            got.append(httpx.get(f"http://127.0.0.1:{port}/slow?3", timeout=30).status_code)

        asking = threading.Thread(target=ask)
        asking.start()
        time.sleep(1)  # the request is under way: there is nothing to see of it yet
        asked = time.monotonic()
        server.terminate()
        asking.join()
        server.wait(timeout=20)
        took = time.monotonic() - asked
        assert got == [404]  # the page that is not there, from ADE and whole
        assert 1 < took < 15
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
    finally:
        stop([server])
