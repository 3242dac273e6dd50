"""A small server that looks like Letta to the door: it knows whose each id is, and counts what it is asked."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from uuid import UUID

_PATHS = {"conversations": "conv", "runs": "run", "steps": "step"}


def an_id(prefix: str, number: int) -> str:
    """An id of Letta's form."""
    return f"{prefix}-{UUID(int=number, version=4)}"


class Got(NamedTuple):
    """A request as the server got it."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class Letta:
    """Its answers, by path; what was asked; and a switch that lets it fail."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[str] = []
        self.got: list[Got] = []  # what came that was no look-up
        self.status = 200
        self.delay = threading.Event()  # while it is clear and `slow`, no answer is sent
        self.slow = False
        self.read = threading.Event()  # a stream goes on when it is set
        self.url = ""

    def owns(self, agent_id: str, number: int) -> dict[str, str]:
        """Give an agent a conversation, a run, a step and a message; return their ids."""
        ids = {name: an_id(prefix, number) for name, prefix in _PATHS.items()}
        ids["messages"] = an_id("message", number)
        for name in _PATHS:
            self.answers[f"/v1/{name}/{ids[name]}"] = {"id": ids[name], "agent_id": agent_id}
        message = {"id": ids["messages"], "step_id": ids["steps"], "run_id": ids["runs"]}
        self.answers[f"/v1/messages/{ids['messages']}"] = [message]
        return ids


@contextmanager
def running() -> Iterator[Letta]:
    """Run one on a free port of this machine."""
    letta = Letta()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            letta.asked.append(self.path)
            if letta.slow:
                letta.delay.wait(30)
            found = letta.answers.get(path)
            if self.command != "GET" or (found is None and self.headers.get("Accept") == "test"):
                self._take()
                return
            status = letta.status if found is not None or letta.status != 200 else 404
            self._send(status, json.dumps({} if found is None else found).encode())

        def _take(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            names = {name.lower(): value for name, value in self.headers.items()}
            letta.got.append(Got(self.command, self.path, names, self.rfile.read(length)))
            if self.path.endswith("/stream"):
                self._stream()
            else:
                self._send(letta.status, b'{"from":"letta"}')

        def _stream(self) -> None:
            """Send a word, and the next one only when the test has read it."""
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for word in (b"data: one\n\n", b"data: two\n\n"):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(word), word))
                self.wfile.flush()
                letta.read.wait(60)
            self.wfile.write(b"0\r\n\r\n")

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("X-Accel-Redirect", "/door-authorize")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    for method in ("POST", "PATCH", "DELETE", "PUT", "OPTIONS"):
        setattr(Handler, f"do_{method}", Handler.do_GET)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    letta.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield letta
    finally:
        letta.delay.set()
        letta.read.set()
        server.shutdown()
        server.server_close()
        thread.join()
