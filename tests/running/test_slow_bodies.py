"""Bodies that arrive slowly, or never: their senders are told so, and nobody else waits for them."""

import json
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

import httpx
import pytest

pytestmark = pytest.mark.whole

AGENT = json.dumps(
    {
        "memory_blocks": [],
        "model": "openai/gpt-4o",
        "embedding": "openai/text-embedding-ada-002",
        "tags": ["slow"],
    }
).encode()
SLOW, OTHER = "127.0.0.2", "127.0.0.3"  # all of 127.0.0.0/8 is this machine

Open = Callable[..., socket.socket]


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("run"))


@pytest.fixture
def address(serve: Callable[..., str], run_dir: str, transactional_db: None) -> str:
    return serve(API_OPEN="true", BODY_SECONDS="3", READ_SECONDS="3", RUN_DIR=run_dir)


@pytest.fixture
def begin(address: str) -> Iterator[Open]:
    """Open a connection and send the beginning of a request that makes an agent."""
    where = urlsplit(address)
    with ExitStack() as stack:

        def begin(
            body: bytes, *, length: int = 0, source: str = SLOW, more: str = ""
        ) -> socket.socket:
            one = socket.create_connection(
                (where.hostname, where.port), timeout=60, source_address=(source, 0)
            )
            stack.enter_context(one)
            head = (
                f"POST /v1/agents/ HTTP/1.1\r\nHost: {where.netloc}\r\n{more}"
                f"Content-Type: application/json\r\nContent-Length: {length or len(body)}\r\n\r\n"
            )
            one.sendall(head.encode() + body)
            return one

        yield begin


def status_of(connection: socket.socket) -> int:
    """The status of the answer; 0 where the connection ended without one."""
    try:
        answer = connection.recv(4096)
    except ConnectionError:
        answer = b""
    return int(answer.split(b" ")[1]) if answer else 0


def ask(address: str, method: str, source: str = OTHER) -> int:
    """The status of a request by someone else."""
    body = AGENT if method == "POST" else None
    kind = {"Content-Type": "application/json"}
    with httpx.Client(transport=httpx.HTTPTransport(local_address=source), timeout=60) as client:
        url = f"{address}/v1/agents/"
        return client.request(method, url, content=body, headers=kind).status_code


def given_up(address: str) -> float:
    """Bodies that both processes gave up as slow."""
    text = httpx.get(f"{address}/metrics", timeout=60).text
    lines = [line for line in text.splitlines() if line.startswith("ade_bodies_given_up_total")]
    return sum(float(line.split()[1]) for line in lines if 'why="slow"' in line)


def test_slow_bodies_from_many_connections_stop_nobody(address: str, begin: Open) -> None:
    # More than a process has places for, and than one address may have; half of them say no more.
    before = given_up(address)
    slow = [begin(b"{", length=1000) for _ in range(40)]
    statuses: Counter[int] = Counter()
    waiting = set(slow)
    deadline = time.monotonic() + 120
    while waiting:
        assert time.monotonic() < deadline
        for one in slow[::2]:
            if one in waiting:
                one.setblocking(False)
                with suppress(OSError):
                    one.send(b" ")
        assert (ask(address, "GET"), ask(address, "POST")) == (200, 200)
        for one in list(waiting):
            one.settimeout(0.001)
            try:
                statuses[status_of(one)] += 1
            except TimeoutError:
                continue
            waiting.remove(one)
    # Told that it took too long, or, those that came when there were too many, to come again.
    assert set(statuses) <= {408, 503}
    assert given_up(address) - before == statuses[408] > 0
    # None of them waits any more: their address may write again, at both processes.
    assert [ask(address, "POST", SLOW) for _ in range(16)] == [200] * 16


@pytest.mark.prove  # a rate needs its time
def test_an_honest_slow_upload_passes(address: str, begin: Open) -> None:
    # 50 kB a second for twice as long as a body has that sends nothing, while another is ended.
    text = AGENT[:-1] + b', "description": "%s"}' % (b"x" * 15_000)
    body = text + b" " * (200_000 - len(text))
    silent = begin(b"{", length=1000)
    honest = begin(b"", length=len(body))
    for start in range(0, len(body), 10_000):
        honest.sendall(body[start : start + 10_000])
        time.sleep(0.2)  # the rate is what is tested
    assert status_of(honest) == 200
    assert status_of(silent) == 408


def test_a_client_that_asks_first_is_told_to_go_on(begin: Open) -> None:
    connection = begin(b"", length=len(AGENT), more="Expect: 100-continue\r\n")
    assert connection.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.sendall(AGENT)
    assert status_of(connection) == 200


def test_a_request_refused_without_its_body_is_refused_at_once(address: str, begin: Open) -> None:
    where = urlsplit(address)
    with socket.create_connection((where.hostname, where.port), timeout=60) as connection:
        connection.sendall(
            f"POST /v1/nothing/ HTTP/1.1\r\nHost: {where.netloc}\r\nContent-Length: 9\r\n\r\n".encode()
        )
        assert status_of(connection) == 404


def test_a_body_that_ends_early_is_refused(begin: Open) -> None:
    connection = begin(AGENT[:-1], length=len(AGENT))
    connection.shutdown(socket.SHUT_WR)
    assert status_of(connection) == 400


def test_a_reader_that_takes_nothing_is_ended(address: str) -> None:
    """By the kernel, after READ_SECONDS. It does not say so: whoever speaks again finds out."""
    where = urlsplit(address)
    wide = json.loads(AGENT) | {"description": "x" * 20_000}
    with httpx.Client(timeout=60) as client:
        for _ in range(20):
            assert client.post(f"{address}/v1/agents/", json=wide).status_code == 200
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.settimeout(60)
        reader.connect((where.hostname, where.port))
        # One after the other, until nothing more goes into the connection.
        reader.sendall(f"GET /v1/agents/ HTTP/1.1\r\nHost: {where.netloc}\r\n\r\n".encode() * 50)
        with pytest.raises(ConnectionError):
            keep_speaking(reader)
    assert ask(address, "GET") == 200


def keep_speaking(connection: socket.socket) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        connection.sendall(b"x")
        time.sleep(0.1)
