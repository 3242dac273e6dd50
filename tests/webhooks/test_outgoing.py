"""Where a POST may go, and what it does not do on the way."""

import contextlib
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from agents.core.errors import Invalid
from agents.net import guarded
from agents.net.addresses import checked_url, is_public
from agents.net.guarded import Refused, Unsent
from agents.net.safe_post import Answer, Connections, post
from tests.webhooks.receiver import Receiver, receiver

pytestmark = pytest.mark.only_sqlite  # the database plays no part

HERE = [ip_network("127.0.0.1/32")]

PUBLIC = [
    "1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1",
    "192.167.255.255", "198.17.0.1", "223.255.255.255", "2606:4700::1111", "2a00:1450::1",
    "::ffff:8.8.8.8",
]  # fmt: skip
PRIVATE = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.1.2.3",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1",
    "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255",
    "240.0.0.1", "255.255.255.255",
    "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1",
    "2002:7f00:1::1", "3fff::1", "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%lo",
    "fec0::1", "ff02::1", "not an address", "",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address) is True


@pytest.mark.parametrize("address", PRIVATE)
def test_any_other_address_is_not(address: str) -> None:
    assert is_public(address) is False


def test_address_in_an_allowed_network_is_taken() -> None:
    allowed = [ip_network("10.20.0.0/16"), ip_network("fd00::/8")]
    addresses = ["10.20.3.4", "10.21.0.1", "::ffff:10.20.0.1", "fd00::1", "fe80::1"]
    assert [is_public(one, allowed) for one in addresses] == [True, False, True, True, False]


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", "must be like"),
        ("nonsense", "must be like"),
        ("http://app.example/", "must begin with https"),
        ("ftp://app.example/", "must be like"),
        ("file:///etc/passwd", "must be like"),
        ("https:///path", "must be like"),
        ("https://u:p@app.example/", "contains a user name or password"),
        ("https://u@app.example/", "contains a user name or password"),
        ("https://app.example/#part", "contains a #"),
        ("https://app.example:22/", "port"),
        ("https://app.example:0/", "port"),
        ("https://app.example:99999/", "port"),
        ("https://127.0.0.1/", "not a public address"),
        ("https://[::1]/", "not a public address"),
        ("https://[::ffff:10.0.0.1]/", "not a public address"),
        ("https://169.254.169.254/latest/meta-data", "not a public address"),
        ("https://app.example/\n", "not a valid address"),
    ],
)
def test_address_that_cannot_be_is_refused_where_it_is_typed(typed: str, why: str) -> None:
    with pytest.raises(Invalid, match=why) as refused:
        checked_url(typed, http=False, allowed=[])
    assert refused.value.field == "url"


def test_a_legal_address_is_accepted() -> None:
    typed = "https://App.Example:443/hook?token=a%20b"
    assert checked_url(typed, http=False, allowed=[]) == "https://app.example/hook?token=a%20b"
    assert checked_url("http://10.0.0.1:8080/", http=True, allowed=[ip_network("10.0.0.0/8")])


def send(url: str, **more: Any) -> Answer:
    about = {"body": b"{}", "headers": {}, "seconds": 60, "allowed": HERE, "answer_bytes": 1000}
    return post(url, **about | more)


def test_post_arrives_as_it_is(there: Receiver) -> None:
    answer = send(there.url + "?a=b", body=b'{"x": 1}', headers={"X-One": "1"})
    (got,) = there.got
    assert (answer.status, got.path, got.body) == (204, "/hook?a=b", b'{"x": 1}')
    assert (got.headers["x-one"], got.headers["host"]) == ("1", there.url.split("/")[2])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "0x7f000001", "2130706433"])
def test_private_address_is_not_sent_to_however_it_is_written(there: Receiver, host: str) -> None:
    with pytest.raises(Refused, match="is not a public address"):
        send(there.url.replace("127.0.0.1", host), allowed=[])
    assert there.got == []


def whole_request(connection: socket.socket) -> bytes:
    """Read one request with the body `{}`; its head and its body may arrive apart."""
    got = b""
    while not got.endswith(b"\r\n\r\n{}"):
        more = connection.recv(10_000)
        if not more:
            raise EOFError(got)
        got += more
    return got


def test_a_connection_is_reused_for_the_next_request() -> None:
    """And where the other side has closed it meanwhile, the request is sent over a new one."""
    requests, opened = [], []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for count in (2, 1):
                connection, _ = server.accept()
                opened.append(connection)
                for _ in range(count):
                    requests.append(whole_request(connection))
                    connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
                if count == 2:
                    whole_request(connection)  # the third request; it is not answered
                connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        with Connections(allowed=HERE) as connections:
            for _ in range(3):
                answer = connections.post(
                    url, body=b"{}", headers={}, seconds=60, answer_bytes=1000
                )
                assert answer.status == 204
        thread.join()
    assert (len(opened), len(requests)) == (2, 3)


def test_a_new_connection_that_breaks_is_not_tried_again() -> None:
    opened = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            opened.append(connection)
            connection.recv(10_000)
            connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        with Connections(allowed=HERE) as connections, pytest.raises(Unsent):
            connections.post(url, body=b"{}", headers={}, seconds=60, answer_bytes=1000)
        thread.join()
    assert len(opened) == 1


def test_each_request_over_a_reused_connection_has_its_own_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            connection.recv(10_000)
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            connection.recv(10_000)
            connection.recv(10_000)  # until the other side gives up
            connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        with Connections(allowed=HERE) as connections:
            connections.post(url, body=b"{}", headers={}, seconds=60, answer_bytes=1000)
            with pytest.raises(Unsent, match=r"within 0\.2 seconds"):
                connections.post(url, body=b"{}", headers={}, seconds=0.2, answer_bytes=1000)
        thread.join()


def test_one_private_address_among_public_ones_is_enough(there: Receiver) -> None:
    def both(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1", "192.168.0.1"]

    with pytest.raises(Refused, match=r"192\.168\.0\.1"):
        send(there.url.replace("127.0.0.1", "app.example"), resolve=both)
    assert there.got == []


def test_name_is_looked_up_once_and_the_checked_address_used(there: Receiver) -> None:
    asked = []

    def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    url = there.url.replace("127.0.0.1", "app.example")
    assert send(url, resolve=rebinding).status == 204
    assert asked == ["app.example"]
    assert there.got[0].headers["host"].startswith("app.example:")
    with pytest.raises(Refused, match=r"127\.0\.0\.2"):
        send(url, resolve=rebinding)
    assert len(there.got) == 1


def test_name_that_nobody_knows_is_said() -> None:
    def unknown(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror

    with pytest.raises(Unsent, match=r"The name app\.example was not found"):
        send("https://app.example/", resolve=unknown)
    with pytest.raises(Unsent, match="has no address"):
        send("https://app.example/", resolve=lambda host, port: [])


def test_name_server_that_does_not_answer_holds_nobody_beyond_the_time() -> None:
    asked, answer = [], threading.Event()

    def silent(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        answer.wait(60)
        return []

    for _ in range(2):
        with pytest.raises(Unsent, match=r"Looking up the name app\.example took too long"):
            send("https://app.example/", resolve=silent, seconds=0.2)
    while not asked:
        time.sleep(0.01)
    assert asked == ["app.example"]  # the second waited for the first one's look-up
    answer.set()


def test_second_address_is_tried_where_the_first_does_not_answer(there: Receiver) -> None:
    both = [ip_network("127.0.0.0/8")]
    url = there.url.replace("127.0.0.1", "app.example")
    found = ["127.0.0.9", "127.0.0.1"]
    assert send(url, allowed=both, resolve=lambda host, port: found).status == 204


def test_redirect_is_not_followed(there: Receiver) -> None:
    with receiver() as other:
        there.answer, there.headers = lambda got: 302, {"Location": other.url}
        assert send(there.url).status == 302
        assert (len(there.got), other.got) == (1, [])


def test_proxy_of_the_environment_is_not_used(
    there: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiver() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert send(there.url).status == 204
        assert (len(there.got), proxy.got) == (1, [])


def test_long_answer_is_not_read_to_its_end(there: Receiver) -> None:
    answer = socket.create_server(("127.0.0.1", 0))

    def talk() -> None:
        taken, _ = answer.accept()
        taken.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        with taken, contextlib.suppress(OSError):
            while True:  # until the other side hangs up
                taken.sendall(b"x" * 100_000)

    with answer:
        thread = threading.Thread(target=talk)
        thread.start()
        assert send(f"http://127.0.0.1:{answer.getsockname()[1]}/").status == 200
        thread.join()


@pytest.mark.parametrize(
    ("said", "meant"), [("7", 7), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-1", None)]
)
def test_wait_that_is_asked_for_is_told(there: Receiver, said: str, meant: int | None) -> None:
    there.answer, there.headers = lambda got: 503, {"Retry-After": said}
    assert send(there.url) == Answer(503, meant)


class Dripping(threading.Thread):
    """Takes a connection and then sends what it is given, a byte at a time, without end."""

    def __init__(self, what: bytes) -> None:
        super().__init__(daemon=True)
        self.what = what
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/"

    def run(self) -> None:
        taken, _ = self.listener.accept()
        with taken:
            try:
                while self.what:
                    taken.sendall(self.what[:1])
                    self.what = self.what[1:] or self.what
                    time.sleep(0.05)  # this is what it is about
                while taken.recv(65536):  # until the other side hangs up
                    pass
            except OSError:
                return


@pytest.mark.parametrize("what", [b"", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000])
def test_time_is_up_even_where_bytes_come_slowly(what: bytes) -> None:
    slow = Dripping(what)
    slow.start()
    with pytest.raises(Unsent, match=r"No answer within 0\.5 seconds"):
        send(slow.url, seconds=0.5)  # what drips would take 50
    slow.listener.close()


def test_nobody_there_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unsent, match="No answer: "):
        send(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("said", [b"nonsense\r\n\r\n", b""])
def test_answer_that_is_no_http_is_said(said: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def once() -> None:
            taken, _ = listener.accept()
            taken.recv(65536)
            taken.sendall(said)
            taken.close()

        thread = threading.Thread(target=once)
        thread.start()
        with pytest.raises(Unsent, match="No answer: "):
            send(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        thread.join()


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[str, list[str | None]]]:
    """A receiver over TLS with a certificate of its own, and the names it was asked for."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    command += ["-subj", "/CN=app.example", "-addext", "subjectAltName=DNS:app.example"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    names: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"https://app.example:{server.server_port}/", names
    server.shutdown()
    thread.join()
    server.server_close()


def test_name_goes_with_tls_and_its_certificate_is_checked(
    secure: tuple[str, list[str | None]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, names = secure
    with pytest.raises(Unsent, match=r"No secure connection: self.signed certificate"):
        send(url, resolve=lambda host, port: ["127.0.0.1"])
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    guarded.tls.cache_clear()
    try:
        assert send(url, resolve=lambda host, port: ["127.0.0.1"]).status == 204
        other = url.replace("app.example", "other.example")
        with pytest.raises(Unsent, match=r"No secure connection: .*not valid for"):
            send(other, resolve=lambda host, port: ["127.0.0.1"])
    finally:
        guarded.tls.cache_clear()
    assert names == ["app.example", "app.example", "other.example"]
