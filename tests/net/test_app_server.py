"""The connector of App Servers: a real one, recorded frames, and servers that misbehave."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from agents.net.connectors.address import Networks
from agents.net.connectors.app_server import AppServerConnector
from agents.net.connectors.base import (
    AgentNotThere,
    AnswerLost,
    Denied,
    Rejected,
    SeenAgent,
    SourceError,
    TooLarge,
    Unreachable,
    Unreadable,
)
from tests.app_server import MODEL, VERSION, AppServer
from tests.net.scripted import by_hand

pytestmark = pytest.mark.only_sqlite  # the database plays no part

HERE = Networks([ip_network("127.0.0.0/8")])
ID = "agent-local-00000000-0000-4000-8000-000000000001"
LONG = 60.0
INFO = {
    "success": True,
    "backend": "local",
    "letta_code_version": "0.34.12",
    "protocol_version": 1,
    "capabilities": {"agent_management": True},
}
AGENT = {"id": ID, "name": "Ann", "tags": ["a"]}
Answer = Callable[[dict[str, Any], ServerConnection], Any]


@contextmanager
def app_server_like(answer: Answer, **info: Any) -> Iterator[str]:
    """A server that answers requests as told: with the fields of the answer, or by hand with None."""

    def handle(connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            for message in connection:
                asked = json.loads(message)
                is_info = asked["type"] == "app_server_info"
                found = INFO | info if is_info else answer(asked, connection)
                if found is not None:
                    request = {
                        "type": f"{asked['type']}_response",
                        "request_id": asked["request_id"],
                    }
                    connection.send(json.dumps(request | found))

    with serve(handle, "127.0.0.1", 0, ping_interval=None, close_timeout=0.1) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/ws"
        finally:
            server.shutdown()
            thread.join()


def connector(url: str, **more: Any) -> AppServerConnector:
    return AppServerConnector(url, **{"token": None, "networks": HERE} | more)


Call = Callable[[AppServerConnector], Any]
READ: Call = lambda c: c.agent(ID, seconds=LONG)  # noqa: E731
WRITE: Call = lambda c: c.write_tags(ID, ["a"], seconds=LONG)  # noqa: E731


def failure(url: str, call: Call, **more: Any) -> SourceError:
    with connector(url, **more) as open_connector, pytest.raises(SourceError) as raised:
        call(open_connector)
    return raised.value


# --- A real server --------------------------------------------------------------------------


@pytest.mark.whole
def test_real_app_server_keeps_what_is_sent_and_says_what_is_gone(app_server: AppServer) -> None:
    ugly = ["user_1", "", "a\0b", "\ud800", "dup", "dup", "x" * 600, "\\ud800", "😀"]
    with connector(app_server.url, token=app_server.token) as real:
        assert real.about(seconds=LONG).words.startswith(f"App Server {VERSION}, local backend, ")
        body = {"name": "Ann", "model": MODEL, "tags": ugly, "embedding": "openai/ada"}
        blocks = [{"label": "human", "value": "tea", "description": "who"}]
        made = real.create({**body, "memory_blocks": blocks}, seconds=LONG)
        assert set(made.tags) == {*ugly, "git-memory-enabled"}
        real.write_tags(made.id, ugly, seconds=LONG)
        listed = [agent for batch in real.agents(seconds=LONG) for agent in batch]
        (found,) = (agent for agent in listed if agent.id == made.id)
        assert isinstance(found, SeenAgent)
        assert list(found.tags) == ugly
        edited = real.update(made.id, {"name": "Bea", "description": None}, seconds=LONG)
        assert (edited.name, list(edited.tags)) == ("Bea", ugly)
        with pytest.raises(Rejected, match="does not have these fields: embedding"):
            real.update(made.id, {"embedding": "openai/ada"}, seconds=LONG)
        written = real.write_block(
            made.id,
            "human.md",
            {"value": "coffee\n---", "description": "drink: hot"},
            seconds=LONG,
        )
        assert (written.value, written.fields["description"]) == ("coffee\n---", "drink: hot")
        with pytest.raises(Rejected, match="no memory file"):
            real.write_block(made.id, "../escape.md", {"value": ""}, seconds=LONG)
        hidden = real.update(made.id, {"hidden": True}, seconds=LONG)
        assert hidden.hidden
        assert made.id not in {a.id for batch in real.agents(seconds=LONG) for a in batch}
        real.delete(made.id, seconds=LONG)
        for call in (real.agent, real.blocks, real.delete):
            with pytest.raises(AgentNotThere):
                call(made.id, seconds=LONG)


@pytest.mark.whole
def test_real_app_server_that_freezes_restarts_or_refuses(app_server: AppServer) -> None:
    token = app_server.token
    wrong = failure(app_server.url, READ, token="wrong")
    assert type(wrong) is Denied
    assert "refuses the token (401 invalid websocket bearer token)" in str(wrong)
    assert type(failure(app_server.url.removesuffix("/ws") + "/foo", READ, token=token)) is Denied
    with connector(app_server.url, token=token) as real:
        real.about(seconds=LONG)
        app_server.freeze()
        with pytest.raises(Unreachable, match="did not answer in time"):
            real.agent(ID, seconds=0.5)
        with pytest.raises(Unreachable, match="did not answer in time"):
            real.write_tags(
                ID, [], seconds=0.5
            )  # the new connection's handshake, so nothing was sent
        app_server.thaw()
        real.about(seconds=LONG)
        app_server.kill()
        app_server.revive()
        with pytest.raises(AgentNotThere):  # over a new connection
            real.write_tags(ID, [], seconds=LONG)


# --- Recorded frames ------------------------------------------------------------------------


def test_recorded_frames_are_understood(reference_dir: Path) -> None:
    lines = (reference_dir / "letta/app-server/frames.jsonl").read_text("utf-8").splitlines()
    frames = []
    for line in lines:
        with suppress(ValueError):  # long ones are cut
            frames.append(json.loads(json.loads(line)["frame"]))
    by_type: dict[str, list[dict[str, Any]]] = {}
    for frame in (frame for frame in frames if isinstance(frame, dict)):
        by_type.setdefault(frame.get("type", ""), []).append(frame)

    def replayed(frame: dict[str, Any], call: Call) -> Any:
        with (
            app_server_like(lambda asked, _: frame | {"request_id": asked["request_id"]}) as url,
            connector(url) as c,
        ):
            return call(c)

    lists = [f for f in by_type["agent_list_response"] if f["agents"]]
    assert lists
    for frame in lists[:5]:
        found = replayed(frame, lambda c: [a for batch in c.agents(seconds=LONG) for a in batch])
        told = [(a["id"], a["tags"]) for a in frame["agents"]]
        assert [(agent.id, list(agent.tags)) for agent in found] == told
    missing = next(f for f in by_type["agent_retrieve_response"] if not f["success"])
    gone = missing["error"].split()[1]
    with pytest.raises(AgentNotThere):
        replayed(missing, lambda c: c.agent(gone, seconds=LONG))
    half = next(f for f in by_type["agent_create_response"] if not f["success"])
    with pytest.raises(AnswerLost, match="may have been made"):
        replayed(half, lambda c: c.create({"name": "a"}, seconds=LONG))


# --- Misbehaving servers --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("info", "words"),
    [
        ({"backend": "api"}, "front of Letta Cloud"),
        ({"protocol_version": 2}, "speaks protocol 2"),
        ({"capabilities": {}}, "does not let clients manage agents"),
    ],
)
def test_server_of_another_kind_is_denied(info: dict[str, Any], words: str) -> None:
    with app_server_like(lambda asked, _: {"success": True, "agent": AGENT}, **info) as url:
        for call in (READ, WRITE):
            error = failure(url, call)
            assert type(error) is Denied
            assert words in str(error)


def test_success_that_changed_nothing_is_refused() -> None:
    with app_server_like(lambda asked, _: {"success": True, "agent": AGENT}) as url:
        other = failure(url, lambda c: c.write_tags(ID, ["b"], seconds=LONG))
        name = failure(url, lambda c: c.update(ID, {"name": "x", "tags": ["a"]}, seconds=LONG))
    assert (type(other), type(name)) == (Rejected, Rejected)
    assert str(name).endswith("did not keep what was sent for: name.")


@pytest.mark.parametrize(
    ("said", "read", "write"),
    [
        ("Missing LETTA_API_KEY", Denied, Denied),
        ("Agent x not found", Unreadable, Rejected),
        (f"Agent {ID} not found", AgentNotThere, AgentNotThere),
        ("disk full", Unreadable, Rejected),
    ],
)
def test_failure_said_by_the_server(
    said: str, read: type[SourceError], write: type[SourceError]
) -> None:
    with app_server_like(lambda asked, _: {"success": False, "error": said}) as url:
        assert type(failure(url, READ)) is read
        assert type(failure(url, WRITE)) is write


def test_frames_for_others_and_nonsense_are_skipped() -> None:
    def noisy(asked: dict[str, Any], connection: ServerConnection) -> dict[str, Any]:
        for frame in ("no JSON", "[1]", '{"request_id": 7}', '{"type": "update_queue"}', "{}"):
            connection.send(frame)
        connection.send(json.dumps({"request_id": "of another", "success": False, "error": "x"}))
        connection.ping()
        return {"success": True, "agent": AGENT}

    with app_server_like(noisy) as url, connector(url) as open_connector:
        assert [open_connector.agent(ID, seconds=LONG).name for _ in range(2)] == ["Ann", "Ann"]


def test_write_without_an_answer_is_lost_and_not_sent_again() -> None:
    asked_for: list[str] = []

    def hangs_up(asked: dict[str, Any], connection: ServerConnection) -> None:
        asked_for.append(asked["type"])
        connection.close()

    with app_server_like(hangs_up) as url:
        assert type(failure(url, WRITE)) is AnswerLost
        assert asked_for == ["agent_update"]
        assert type(failure(url, READ)) is Unreachable
    with app_server_like(lambda asked, _: None) as url:
        for call, error in (
            (lambda c: c.delete(ID, seconds=0.3), AnswerLost),
            (lambda c: c.agent(ID, seconds=0.3), Unreachable),
        ):
            assert type(failure(url, call)) is error


def test_connection_that_was_closed_meanwhile_is_opened_again() -> None:
    used: list[int] = []

    def once(asked: dict[str, Any], connection: ServerConnection) -> dict[str, Any] | None:
        if id(connection) in used:  # the second request of a connection gets no answer
            connection.close()
            return None
        used.append(id(connection))
        return {"success": True, "agent": AGENT}

    with app_server_like(once) as url, connector(url) as open_connector:
        for _ in range(3):
            assert open_connector.agent(ID, seconds=LONG).name == "Ann"


@pytest.mark.parametrize("parts", [1, 50])
def test_large_answer_is_not_read_to_its_end(parts: int) -> None:
    def large(asked: dict[str, Any], connection: ServerConnection) -> None:
        with suppress(OSError):
            connection.send(iter(["x" * (10_000_000 // parts)] * parts))

    with app_server_like(large) as url:
        assert type(failure(url, READ, answer_bytes=1_000_000)) is TooLarge
        assert type(failure(url, WRITE, answer_bytes=1_000_000)) is AnswerLost


def test_frames_without_end_are_not_read_for_ever() -> None:
    def chatty(asked: dict[str, Any], connection: ServerConnection) -> None:
        while True:
            connection.send("x" * 100_000)

    with app_server_like(chatty) as url:
        assert type(failure(url, READ, answer_bytes=1_000_000)) is TooLarge


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (b"HTTP/1.1 401 missing websocket bearer token\r\nContent-Length: 0\r\n\r\n", Denied, "wants a token (401 missing"),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", Denied, "wants a token (403"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", Denied, "no App Server at"),
        (b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n", Denied, "no App Server at"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://other/\r\nContent-Length: 0\r\n\r\n", Denied, "redirects"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", Denied, "no App Server at"),
        (b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", Unreachable, "503 Busy"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", Unreachable, "does not answer"),
        (b"SSH-2.0-OpenSSH\r\n", Unreachable, "does not answer"),
        (b"", Unreachable, "does not answer"),
    ],
    ids=["401", "403", "404", "426", "302", "200", "503", "half", "ssh", "nothing"],
)  # fmt: skip
def test_handshake_that_fails(answer: bytes, error: type[SourceError], words: str) -> None:
    def shake(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer)

    with by_hand(shake) as port:
        found = failure(f"ws://127.0.0.1:{port}/ws", WRITE)
    assert type(found) is error
    assert words in str(found)
    if isinstance(found, Unreachable):
        assert found.retry_after == (7 if b"503" in answer else None)


def test_server_that_drips_cannot_outlast_the_deadline() -> None:
    def drip(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nX: ")
        while True:
            connection.sendall(b"x")
            time.sleep(0.02)

    with by_hand(drip) as port:
        error = failure(f"ws://127.0.0.1:{port}/ws", lambda c: c.delete(ID, seconds=0.3))
    assert type(error) is Unreachable
    assert "did not answer in time" in str(error)


def test_answer_of_another_agent_counts_for_nothing() -> None:
    other = AGENT | {"id": ID.replace("1", "2")}
    with app_server_like(lambda asked, _: {"success": True, "agent": other}) as url:
        assert type(failure(url, READ)) is Denied
        assert type(failure(url, WRITE)) is AnswerLost


def test_nul_in_a_name_is_not_sent() -> None:
    error = failure("ws://127.0.0.1:1/ws", lambda c: c.create({"name": "a\0"}, seconds=LONG))
    assert type(error) is Rejected
