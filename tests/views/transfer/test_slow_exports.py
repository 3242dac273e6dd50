"""Exports that are read slowly, on the production server: everyone else is still answered."""

import contextlib
import http.client
import socket
import time
from collections import Counter
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import Client

from agents.core.limits import DESCRIPTION_LENGTH
from agents.domain.agents.new import NewAgent
from agents.domain.agents.write import create_agents
from agents.domain.transfer.downloads import RUNNING_MOST
from tests.helpers import ROOT, make_user

pytestmark = pytest.mark.whole

URL = "/agents/export.csv"
WORKERS = 2  # bin/serve.py
# More than what a socket and the server between them take in while nobody reads.
AGENTS = 1500


def cookie() -> str:
    client = Client()
    client.force_login(make_user(role="viewer"))
    name = settings.SESSION_COOKIE_NAME
    return f"{name}={client.cookies[name].value}"


def begin(address: str, session: str) -> socket.socket:
    """Ask for an export, and leave it in the pipe but for the status."""
    where = urlsplit(address)
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.settimeout(120)
    reader.connect((where.hostname, where.port))
    reader.sendall(
        f"GET {URL} HTTP/1.1\r\nHost: {where.netloc}\r\nCookie: {session}\r\n\r\n".encode()
    )
    return reader


def status_of(reader: socket.socket) -> int:
    return int(reader.recv(15).split()[1])


def get(address: str, path: str, session: str) -> int:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    with contextlib.closing(connection):
        connection.request("GET", path, headers={"Cookie": session})
        answer = connection.getresponse()
        answer.read()
        return answer.status


def test_slow_readers_of_exports_stop_nobody(live: str) -> None:
    wide = "x" * DESCRIPTION_LENGTH
    for _ in range(AGENTS // 500):
        specs = [NewAgent(model="openai/gpt-4o", description=wide) for _ in range(500)]
        create_agents(specs, actor=ROOT)
    session = cookie()
    with contextlib.ExitStack() as stack:
        readers = [stack.enter_context(begin(live, session)) for _ in range(10)]
        statuses = Counter(status_of(reader) for reader in readers)
        assert set(statuses) == {200, 503}
        assert RUNNING_MOST <= statuses[200] <= RUNNING_MOST * WORKERS
        assert [get(live, "/agents/?size=25", session) for _ in range(20)] == [200] * 20
    # Their readers are gone, so others have their turn.
    deadline = time.monotonic() + 120
    while get(live, URL, session) != 200:
        assert time.monotonic() < deadline
