"""What the server does with what no client of good will sends, asked over bare sockets."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.whole

HOST = b"Host: localhost\r\n"
LARGE = b"a" * 1000
LONG = (b"x=" + b"a" * 57 + b"&") * 1200  # many short parameters: a long one is refused by itself


@pytest.fixture
def connect(serve: Callable[..., str]) -> Iterator[Callable[[], socket.socket]]:
    where = urlsplit(serve(API_OPEN="true"))
    with ExitStack() as stack:

        def connect() -> socket.socket:
            one = socket.create_connection((where.hostname, where.port), timeout=120)
            return stack.enter_context(one)

        yield connect


def said(connection: socket.socket, *parts: bytes) -> tuple[int, str]:
    """The status and the whole answer; (0, "") where the connection is closed without one."""
    for part in parts:
        try:
            connection.sendall(part)
        except OSError:  # refused before all of it was sent
            break
    answer = b""
    while b"\r\n\r\n" not in answer:
        try:
            part = connection.recv(65536)
        except ConnectionError:
            break
        if not part:
            break
        answer += part
    head = answer.split(b" ", 2)
    return (int(head[1]), answer.decode()) if len(head) > 2 else (0, "")


def post(headers: bytes, body: bytes = b"") -> bytes:
    return b"POST /v1/agents/ HTTP/1.1\r\n" + HOST + headers + b"\r\n" + body


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n", 200),
        (b"GET /accounts/login/?" + LONG[:60_000] + b" HTTP/1.1\r\n" + HOST + b"\r\n", 200),
        (b"GET /accounts/login/?" + LONG[:66_000] + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
        (b"GET /healthz HTTP/1.1\r\n" + HOST + b"X: a\r\n" * 98 + b"\r\n", 200),
        (b"GET /healthz HTTP/1.1\r\n" + HOST + b"X: a\r\n" * 101 + b"\r\n", 431),
        (b"GET /healthz HTTP/1.1\r\n" + HOST + b"X: " + LARGE * 900 + b"\r\n\r\n", 431),
        (b"HELLO\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        (post(b"Content-Length: 5\r\nContent-Length: 6\r\n", b"{}    "), 400),
        (post(b"Content-Length: -5\r\n"), 400),
        (post(b"Content-Length: 99999999999\r\n"), 413),
        (post(b"Content-Length: 30000000\r\n", b"a" * 30_000_000), 413),
        (post(b"Transfer-Encoding: chunked\r\n", b"2\r\n{}\r\n0\r\n\r\n"), 411),
        (
            post(b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", b"2\r\n{}\r\n0\r\n\r\n"),
            411,
        ),
    ],
    ids=[
        "plain",
        "60 kB of address",
        "66 kB of address",
        "99 headers",
        "102 headers",
        "900 kB of headers",
        "no HTTP",
        "no host",
        "two lengths",
        "negative length",
        "93 GiB announced",
        "29 MiB sent",
        "no length",
        "length and chunks",
    ],
)
def test_it_is_refused_and_the_server_goes_on(
    connect: Callable[[], socket.socket], request_: bytes, status: int
) -> None:
    assert said(connect(), request_)[0] == status
    assert said(connect(), b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n")[0] == 200


def test_a_refused_body_has_the_form_of_the_api(connect: Callable[[], socket.socket]) -> None:
    _, answer = said(connect(), post(b"Content-Length: 99999999999\r\n"))
    assert '{"detail": "The body is too large.", ' in answer
    assert "x-request-id: " in answer


def test_headers_that_never_end_are_cut_off(connect: Callable[[], socket.socket]) -> None:
    connection = connect()
    connection.sendall(b"GET /healthz HTTP/1.1\r\n")
    started = time.monotonic()
    assert connection.recv(100) in (b"", b"HTTP/1.1 408 Request Timeout\r\n")
    assert time.monotonic() - started > 10


def test_idle_connections_stop_nobody(connect: Callable[[], socket.socket]) -> None:
    idle = [connect() for _ in range(400)]
    for connection in idle[::2]:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nX-Slow: ")
    for _ in range(10):
        assert said(connect(), b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n")[0] == 200


def test_a_body_that_ends_early_changes_nothing(connect: Callable[[], socket.socket]) -> None:
    connection = connect()
    connection.sendall(post(b"Content-Type: application/json\r\nContent-Length: 100\r\n", b'{"na'))
    connection.shutdown(socket.SHUT_WR)
    assert said(connection)[0] in (0, 400, 422)
    assert said(connect(), b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n")[0] == 200
