"""A receiver of webhooks: a real HTTP server on this machine, which keeps what it gets."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Got:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """What came, and what is answered: a status, or what a function says of the request."""

    url: str = ""
    answer: Callable[[Got], int] = field(default=lambda got: 204)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    got: list[Got] = field(default_factory=list)

    def told(self) -> list[dict[str, Any]]:
        """The bodies, in the order in which they came."""
        return [one.json for one in self.got]

    def wait_for(self, count: int, seconds: float = 180) -> None:
        deadline = time.monotonic() + seconds
        while len(self.got) < count:
            assert time.monotonic() < deadline, f"{len(self.got)} of {count} came"
            time.sleep(0.02)  # between looks; what is waited for has no other sign


@contextmanager
def receiver(host: str = "127.0.0.1") -> Iterator[Receiver]:
    """Start one on a free port."""
    about = Receiver()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # keeps connections open

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            got = Got(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            with lock:
                about.got.append(got)
            self.send_response(about.answer(got))
            for name, value in about.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(about.body)))
            self.end_headers()
            self.wfile.write(about.body)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 128  # connections that arrive together
        daemon_threads = True

    server = Server((host, 0), Handler)
    server.handle_error = lambda *_: None  # who hangs up early is a part of some tests
    about.url = f"http://{host}:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield about
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
