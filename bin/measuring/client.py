"""The client: one thread, one selector, requests written in one piece.

It shares the machine with the server, so it must cost little: some 30 microseconds of processor
time a request, a tenth of what the smallest answer of the server takes. `Sample.client` says what
it really was.
"""

import re
import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from serve import HOST

from measuring.processors import Processors

TIMEOUT_SECONDS = 120
_NONE = Processors(0, 0)
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)


class Answer(NamedTuple):
    """What came back."""

    status: int
    body: bytes


class WrongAnswer(Exception):
    """The server answered something else than the scenario expects."""


@dataclass(slots=True)
class Sample:
    """Times of requests in ms, and how long all of them took in seconds."""

    times: list[float] = field(default_factory=list)
    seconds: float = 0
    size: int = 0  # bytes of the last body
    client: float = 0  # seconds of processor time that the client itself took
    server: Processors = _NONE  # and those of the server
    errors: list[str] = field(default_factory=list)


# The bytes of the next request of a connection, or None if there is no more.
NextRequest = Callable[[int], bytes | None]


def request_bytes(method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
    """A request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body or method != "GET":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def parse(data: bytes | bytearray) -> Answer | None:
    """The answer in what was received, or None while a part is missing."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    head, start = bytes(data[:end]), end + 4
    status = int(head[9:12])
    if length := _LENGTH.search(head):
        stop = start + int(length[1])
        return Answer(status, bytes(data[start:stop])) if len(data) >= stop else None
    if _CHUNKED.search(head):
        body = _unchunked(data, start)
        return None if body is None else Answer(status, body)
    return Answer(status, b"")


def _unchunked(data: bytes | bytearray, start: int) -> bytes | None:
    parts: list[bytes] = []
    while True:
        line_end = data.find(b"\r\n", start)
        if line_end < 0:
            return None
        size = int(bytes(data[start:line_end]).split(b";")[0], 16)
        start = line_end + 2
        if len(data) < start + size + 2:
            return None
        if size == 0:
            return b"".join(parts)
        parts.append(bytes(data[start : start + size]))
        start += size + 2


def load(
    port: int,
    *,
    connections: int,
    seconds: float,
    next_request: NextRequest,
    lenient: bool = False,
) -> Sample:
    """Ask on so many connections at once, each its next request as soon as it has an answer.

    Every connection asks at least once. Raises WrongAnswer for a status other than 200, unless
    `lenient`, which counts them.
    """
    with selectors.DefaultSelector() as selector:
        sockets = [
            socket.create_connection((HOST, port), TIMEOUT_SECONDS) for _ in range(connections)
        ]
        try:
            for number, connection in enumerate(sockets):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(connection, selectors.EVENT_READ, number)
            return _Loop(selector, sockets, next_request, lenient).run(seconds)
        finally:
            for connection in sockets:
                connection.close()


class _Loop:
    """One measuring: what is under way on each connection."""

    def __init__(
        self,
        selector: selectors.BaseSelector,
        sockets: list[socket.socket],
        next_request: NextRequest,
        lenient: bool,
    ) -> None:
        self.selector, self.sockets = selector, sockets
        self.next_request, self.lenient = next_request, lenient
        self.buffers = [bytearray() for _ in sockets]
        self.sent = [0.0] * len(sockets)
        self.requests: list[bytes] = [b""] * len(sockets)
        self.busy = 0
        self.sample = Sample()

    def run(self, seconds: float) -> Sample:
        cpu, began = time.process_time(), time.perf_counter()
        end = began + seconds
        for number in range(len(self.sockets)):
            self._ask(number)
        while self.busy:
            ready = self.selector.select(TIMEOUT_SECONDS)
            if not ready:
                raise WrongAnswer(f"No answer within {TIMEOUT_SECONDS} s.")
            for key, _ in ready:
                self._read(key.data, end)
        self.sample.seconds = time.perf_counter() - began
        self.sample.client = time.process_time() - cpu
        return self.sample

    def _ask(self, number: int) -> None:
        request = self.next_request(number)
        if request is None:
            return
        self.busy += 1
        self.requests[number] = request
        self.sent[number] = time.perf_counter()
        self.sockets[number].sendall(request)

    def _read(self, number: int, end: float) -> None:
        data = self.sockets[number].recv(1 << 20)
        if not data:
            raise WrongAnswer(f"The server closed a connection after {self._asked(number)}")
        buffer = self.buffers[number]
        buffer += data
        answer = parse(buffer)
        if answer is None:
            return
        now = time.perf_counter()
        self.sample.times.append((now - self.sent[number]) * 1000)
        self.sample.size = len(answer.body)
        buffer.clear()
        self.busy -= 1
        if answer.status != 200:
            self._refuse(number, answer)
        if now < end:
            self._ask(number)

    def _refuse(self, number: int, answer: Answer) -> None:
        said = f"{answer.status} to {self._asked(number)}: {answer.body[:300]!r}"
        if not self.lenient:
            raise WrongAnswer(said)
        self.sample.errors.append(said)

    def _asked(self, number: int) -> str:
        return self.requests[number].split(b" HTTP", 1)[0].decode()
