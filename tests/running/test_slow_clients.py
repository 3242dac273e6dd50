"""Clients that send their body slowly or not at all, or read no answer: other clients do not notice."""

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import httpx
import pytest

from ade.server.request_bodies import BODIES, BODIES_PER_ADDRESS, Body, BodyError, requests
from ade.server.sockets import end_dead_connections
from ade.server.worker_slots import Slot, Slots

AGENT = json.dumps({"model": "openai/gpt-4o", "tags": ["slow"]}).encode()
SLOW, OTHER = "127.0.0.2", "127.0.0.3"  # all of 127.0.0.0/8 is this machine
PROCESSES = 2  # bin/serve.py

Open = Callable[..., socket.socket]
whole = pytest.mark.whole


@pytest.fixture
def address(serve: Callable[..., str], transactional_db: None) -> str:
    return serve(API_OPEN="true", READ_SECONDS="3")


@pytest.fixture
def begin(address: str) -> Iterator[Open]:
    """Open a connection and send the beginning of a request that makes an agent."""
    where = urlsplit(address)
    with ExitStack() as stack:

        def begin(
            body: bytes, *, length: int = 0, source: str = SLOW, more: str = ""
        ) -> socket.socket:
            connection = socket.create_connection(
                (where.hostname, where.port), timeout=60, source_address=(source, 0)
            )
            stack.enter_context(connection)
            head = (
                f"POST /v1/agents/ HTTP/1.1\r\nHost: {where.netloc}\r\n{more}"
                f"Content-Type: application/json\r\nContent-Length: {length or len(body)}\r\n\r\n"
            )
            connection.sendall(head.encode() + body)
            return connection

        yield begin


def status_of(connection: socket.socket) -> int:
    """Return the status of the answer; 0 if the connection ended without one."""
    try:
        answer = connection.recv(4096)
    except ConnectionError:
        answer = b""
    return int(answer.split(b" ")[1]) if answer else 0


def ask(address: str, method: str, path: str = "/v1/agents/", source: str = OTHER) -> int:
    """Return the status of a request from another address."""
    body = AGENT if method == "POST" else None
    kind = {"Content-Type": "application/json"}
    with httpx.Client(transport=httpx.HTTPTransport(local_address=source), timeout=60) as client:
        return client.request(method, address + path, content=body, headers=kind).status_code


@whole
def test_silent_senders_delay_nobody_else(address: str, begin: Open) -> None:
    silent = [begin(b"{", length=1000) for _ in range(40)]
    refused: list[socket.socket] = []
    deadline = time.monotonic() + 60
    while len(refused) < len(silent) - PROCESSES * BODIES_PER_ADDRESS:
        assert time.monotonic() < deadline
        for connection in silent:
            connection.settimeout(0.001)
            try:
                assert status_of(connection) == 503
            except TimeoutError:
                continue
            refused.append(connection)
        silent = [connection for connection in silent if connection not in refused]
    seconds = {path: [] for path in ("/healthz", "/v1/agents/")}
    for path, times in seconds.items():
        for _ in range(9):
            began = time.monotonic()
            assert ask(address, "GET", path) == 200
            times.append(time.monotonic() - began)
    assert all(sorted(times)[4] < 1 for times in seconds.values()), seconds
    assert [ask(address, "POST") for _ in range(9)] == [200] * 9
    # Their own address can write again when they have left.
    for connection in silent:
        connection.close()
    while [ask(address, "POST", source=SLOW) for _ in range(9)] != [200] * 9:
        assert time.monotonic() < deadline + 60


@whole
def test_bodies_beyond_the_limit_of_a_process_are_refused_and_reading_goes_on(
    address: str, begin: Open
) -> None:
    answers: list[int] = []
    for turn in range(1, 20):  # a body's time may end before this has asked nine times
        for n in range(PROCESSES * BODIES // BODIES_PER_ADDRESS + 6):
            for _ in range(BODIES_PER_ADDRESS):
                begin(b"{", length=1000, source=f"127.0.{turn}.{n + 1}")
        answers = [ask(address, "POST") for _ in range(9)]
        if answers == [503] * 9:
            break
    assert answers == [503] * 9
    assert [ask(address, "GET") for _ in range(9)] == [200] * 9


@whole
def test_a_client_that_asks_first_gets_100_continue(begin: Open) -> None:
    connection = begin(b"", length=len(AGENT), more="Expect: 100-continue\r\n")
    assert connection.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.sendall(AGENT)
    assert status_of(connection) == 200


@whole
def test_a_request_refused_without_its_body_is_refused_at_once(address: str) -> None:
    where = urlsplit(address)
    with socket.create_connection((where.hostname, where.port), timeout=60) as connection:
        connection.sendall(
            f"POST /v1/nothing/ HTTP/1.1\r\nHost: {where.netloc}\r\nContent-Length: 9\r\n\r\n".encode()
        )
        assert status_of(connection) == 404


@whole
def test_a_body_that_ends_early_is_refused(begin: Open) -> None:
    connection = begin(AGENT[:-1], length=len(AGENT))
    connection.shutdown(socket.SHUT_WR)
    assert status_of(connection) == 400


@whole
def test_the_connection_of_a_reader_that_takes_nothing_is_closed(address: str) -> None:
    """The kernel closes it after READ_SECONDS; the client notices when it sends again."""
    where = urlsplit(address)
    large = json.loads(AGENT) | {"description": "x" * 20_000}
    with httpx.Client(timeout=60) as client:
        for _ in range(20):
            assert client.post(f"{address}/v1/agents/", json=large).status_code == 200
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.settimeout(60)
        reader.connect((where.hostname, where.port))
        # One request after the other, until the connection takes no more.
        reader.sendall(f"GET /v1/agents/ HTTP/1.1\r\nHost: {where.netloc}\r\n\r\n".encode() * 50)
        with pytest.raises(ConnectionError):
            keep_sending(reader)
    assert ask(address, "GET") == 200


def keep_sending(connection: socket.socket) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        connection.sendall(b"x")
        time.sleep(0.1)


@pytest.mark.only_sqlite
def test_a_gone_client_is_noticed_by_the_kernel() -> None:
    """Accepted connections inherit the options; a thread would wait for a dead sender for ever."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        end_dead_connections(7)
        with socket.create_connection(listener.getsockname()) as client:
            accepted, _ = listener.accept()
            with accepted:
                options = [
                    accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                    accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
                    accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
                ]
            assert client.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 0
    assert options == [1, 7, 7000]


class Sender:
    """The body of a client that sends when it is told to."""

    def __init__(self, body: bytes = b"x") -> None:
        self.body, self.sends = body, threading.Event()

    def read(self, size: int) -> bytes:
        self.sends.wait(30)
        piece, self.body = self.body[:size], self.body[size:]
        return piece


@pytest.mark.only_sqlite
def test_a_burst_from_one_address_is_read(django_db_blocker: object) -> None:
    senders = [Sender() for _ in range(3 * BODIES_PER_ADDRESS)]
    results: Counter[str] = Counter()

    def read(sender: Sender) -> None:
        body = Body(sender, address="192.0.2.1", slot=Slot(Slots()))
        try:
            results[body.read(1).decode()] += 1
        except BodyError:
            results[body.failure] += 1

    threads = [threading.Thread(target=read, args=(sender,)) for sender in senders]
    for sender in senders:
        sender.sends.set()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {"x": len(senders)}


@pytest.mark.only_sqlite
def test_large_bodies_are_refused_while_others_take_the_memory(settings: object) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 300_000
    body = Body(Sender(), address="192.0.2.1", slot=Slot(Slots()))
    size = 8 * 300_000 + 100_000
    body._read = lambda wanted: b"x" * wanted
    requests.begin(body)
    try:
        with pytest.raises(BodyError, match="crowded"):
            body.read(size)
    finally:
        requests.end(body)
    assert body.size < size
