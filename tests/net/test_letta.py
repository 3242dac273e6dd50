"""The connector of Letta's API: what servers say and do, and what ADE makes of it."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from functools import partial
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from agents.net.connectors.address import Networks
from agents.net.connectors.base import (
    AgentNotThere,
    AnswerLost,
    Denied,
    Rejected,
    SeenAgent,
    SourceError,
    TooLarge,
    Unreachable,
    Unread,
    Unreadable,
)
from agents.net.connectors.letta import LettaConnector
from tests.net.scripted import Asked, Letta, Reply, by_hand, letta_server

pytestmark = pytest.mark.only_sqlite  # the database plays no part

HERE = Networks([ip_network("127.0.0.0/8")])
ID = "agent-00000000-0000-4000-8000-000000000001"
LONG = 60.0


@pytest.fixture
def server() -> Iterator[Letta]:
    with letta_server() as server:
        yield server


def connector(url: str, **more: Any) -> LettaConnector:
    return LettaConnector(url, **{"token": None, "networks": HERE} | more)


Call = Callable[[LettaConnector], Any]
READS: list[Call] = [
    lambda c: list(c.agents(seconds=LONG)),
    lambda c: c.changed(None, seconds=LONG),
    lambda c: c.agent(ID, seconds=LONG),
    lambda c: c.blocks(ID, seconds=LONG),
]
WRITES: list[Call] = [
    lambda c: c.write_tags(ID, ["a"], seconds=LONG),
    lambda c: c.create({"name": "a"}, seconds=LONG),
    lambda c: c.update(ID, {"name": "a"}, seconds=LONG),
    lambda c: c.delete(ID, seconds=LONG),
]


def failure(url: str, call: Call, **more: Any) -> SourceError:
    with connector(url, **more) as open_connector, pytest.raises(SourceError) as raised:
        call(open_connector)
    return raised.value


@pytest.mark.parametrize(
    ("reply", "read", "write"),
    [
        (Reply(401, {}), Denied, Denied),
        (Reply(403, {}), Denied, Denied),
        (Reply(404, {"detail": "Not Found"}), Denied, Denied),
        (Reply(404, f"<html>No page {ID}".encode()), Denied, Denied),
        (Reply(405, {}), Denied, Denied),
        (Reply(426, {}), Denied, Denied),
        (Reply(307, {}, {"Location": "http://other.example/"}), Denied, Denied),
        (Reply(409, {}), Unreachable, Rejected),
        (Reply(429, {}, {"Retry-After": "7"}), Unreachable, Unreachable),
        (Reply(500, {}), Unreachable, AnswerLost),
        (Reply(502, b"<html>"), Unreachable, AnswerLost),
        (Reply(503, {}, {"Retry-After": "7"}), Unreachable, Unreachable),
        (Reply(0), Unreachable, AnswerLost),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Reply) else "",
)  # fmt: skip
def test_each_refusal_has_its_meaning(
    server: Letta, reply: Reply, read: type[SourceError], write: type[SourceError]
) -> None:
    server.instead = lambda asked: reply
    for call in READS:
        if reply.status != 409 or call is not READS[1]:
            error = failure(server.url, call)
            one_agent = reply.status == 500 and call in READS[2:]
            assert type(error) is (Unreadable if one_agent else read)
    for call in WRITES:
        error = failure(server.url, call)
        assert type(error) is write
    if isinstance(error, Unreachable):
        assert error.retry_after == 7
    # A write is sent once, whatever becomes of it.
    assert len(server.writes()) == len(WRITES)


def test_server_without_an_order_by_change_has_no_feed(server: Letta) -> None:
    server.instead = lambda asked: Reply(422, {"detail": "order_by"})
    with connector(server.url) as open_connector:
        assert open_connector.changed(None, seconds=LONG) is None


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        (b"<!doctype html><p>Sign in</p>", Denied, "is no Letta API"),
        (b'{"agents": []}', Denied, "Expected `array`, got `object`"),
        (b'[{"id": "', Unreachable, "truncated"),
        (b"[" + b" " * 100, TooLarge, "larger than 50 bytes"),
    ],
    ids=["html", "object", "cut", "large"],
)
def test_answer_that_is_no_list_says_why(
    server: Letta, content: bytes, error: type[SourceError], words: str
) -> None:
    server.instead = lambda asked: Reply(200, content)
    found = failure(server.url, READS[0], answer_bytes=50)
    assert type(found) is error
    assert words in str(found)


def test_large_answer_of_unknown_length_is_not_read_to_its_end() -> None:
    sent = 0

    def endless(connection: socket.socket) -> None:
        nonlocal sent
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n[")
        while True:
            sent += connection.send(b" " * 65536)

    with by_hand(endless) as port:
        error = failure(f"http://127.0.0.1:{port}", READS[0], answer_bytes=1_000_000)
    assert type(error) is TooLarge
    assert sent < 20_000_000  # what was on its way


@pytest.mark.parametrize("what", ["silent", "drips", "drips headers"])
def test_slow_server_cannot_outlast_the_deadline(what: str) -> None:
    def slow(connection: socket.socket) -> None:
        connection.recv(65536)
        if what == "silent":
            connection.recv(1)  # until the other side gives up
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + (b"\r\n[" if what == "drips" else b"X: "))
        while True:
            connection.sendall(b" ")
            time.sleep(0.02)

    with by_hand(slow) as port, connector(f"http://127.0.0.1:{port}") as open_connector:
        began = time.monotonic()
        with pytest.raises(Unreachable, match=r"did not answer within 0\.3 seconds"):
            open_connector.agent(ID, seconds=0.3)
        with pytest.raises(AnswerLost):
            open_connector.write_tags(ID, [], seconds=0.3)
        assert time.monotonic() - began < LONG


@pytest.mark.parametrize(
    ("url", "error", "words"),
    [
        ("http://127.0.0.1:{}", Unreachable, "does not answer"),
        ("https://127.0.0.1:{}", Unreachable, "does not answer"),
        ("http://no-such-host.invalid", Unreachable, "was not found"),
        ("http://10.0.0.1", Denied, "10.0.0.1 is not a public address. To allow it, add its network to SOURCE"),
    ],
    ids=["refused", "refused with TLS", "DNS", "private"],
)  # fmt: skip
def test_server_that_cannot_be_reached(url: str, error: type[SourceError], words: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    for call in (READS[0], WRITES[0]):
        found = failure(url.format(port), call)
        assert type(found) is error
        assert words in str(found)


def test_tls_where_there_is_none_is_named(server: Letta) -> None:
    found = failure(server.url.replace("http:", "https:"), WRITES[0])
    assert type(found) is Unreachable
    assert str(found).startswith("No secure connection to https://")


def test_token_goes_to_this_machine_without_tls_and_not_further(server: Letta) -> None:
    server.make()
    with connector(server.url, token="t0ken") as open_connector:
        list(open_connector.agents(seconds=LONG))
    assert {asked.headers["authorization"] for asked in server.asked} == {"Bearer t0ken"}
    allowed = [ip_network("10.0.0.0/8")]
    found = failure("http://10.0.0.1", READS[0], token="t0ken", networks=Networks(allowed))
    assert type(found) is Denied
    assert "The token is not sent to 10.0.0.1 without TLS." in str(found)
    assert "t0ken" not in str(found)
    with pytest.raises(Denied, match="no header can carry"):
        connector(server.url, token="a b")


def test_kept_connection_that_was_closed_is_opened_again_for_a_read() -> None:
    answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", b""]

    def one_then_close(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answers[0])
        connection.recv(65536)  # the next request, which gets no answer

    with by_hand(one_then_close) as port, connector(f"http://127.0.0.1:{port}") as open_connector:
        for _ in range(3):
            assert list(open_connector.agents(seconds=LONG)) == []


# --- Agents ---------------------------------------------------------------------------------


def test_feed_gives_what_changed_since_and_asks_once_where_nothing_did(server: Letta) -> None:
    made = [server.make(f"a{n}", updated_at=f"2026-01-01T00:00:{n:02}Z") for n in range(60)]
    with connector(server.url, page_size=10) as open_connector:

        def changed(since: str | None) -> list[str]:
            server.asked.clear()
            batches = open_connector.changed(since, seconds=LONG)
            return [agent.id for batch in batches or [] for agent in batch if agent.id]

        newest = [agent["id"] for agent in reversed(made)]
        assert changed(None) == newest
        assert changed("2026-01-01T00:00:30+00:00") == newest[:30]
        assert changed("2026-01-01T00:00:59Z") == newest[:1]
        assert len(server.asked) == 1


def test_feed_comes_to_an_end_while_agents_move_to_its_head(server: Letta) -> None:
    made = [server.make(f"a{n}", updated_at=f"2026-01-01T00:00:{n:02}Z") for n in range(50)]
    moves = 0

    def move(asked: Asked) -> None:
        nonlocal moves
        if "after" in asked.query and moves < 8:
            moves += 1
            cursor = asked.query["after"][0]
            server.agents[cursor]["updated_at"] = f"2026-01-02T00:00:{moves:02}Z"

    server.instead = move  # type: ignore[assignment]  # answers nothing itself
    with connector(server.url, page_size=10) as open_connector:
        batches = open_connector.changed(None, seconds=LONG)
        found = [agent.id for batch in batches or [] for agent in batch]
    assert sorted(map(str, found)) == sorted(agent["id"] for agent in made)


def test_ugly_agents_come_whole_and_unreadable_ones_are_named(server: Letta) -> None:
    tags = ["", "a\0b", "\ud800", "dup", "dup", "\\ud800", "😀", "x" * 600]
    good = server.make("\ud800 name", tags=tags, metadata={"k": "\udfff"})
    server.make(tags="no list")
    broken = server.make()
    del broken["tags"]
    with connector(server.url) as open_connector:
        found = [agent for batch in open_connector.agents(seconds=LONG) for agent in batch]
        first = found[0]
        assert isinstance(first, SeenAgent)
        assert (first.name, list(first.tags)) == ("\ud800 name", tags)
        assert first.fields["metadata"] == {"k": "\udfff"}
        assert found[2] == Unread(
            broken["id"], "it cannot be read: Object missing required field `tags`."
        )
        open_connector.write_tags(good["id"], tags[::-1], seconds=LONG)
    assert server.agents[good["id"]]["tags"] == tags[::-1]


def test_recorded_answers_of_a_letta_server(reference_dir: Path, server: Letta) -> None:
    def recorded(name: str) -> Any:
        case = json.loads((reference_dir / "letta/cases" / name).read_text("utf-8"))["response"]
        return Reply(case["status"], case["body"])

    def answered(name: str, call: Call) -> Any:
        server.instead = lambda asked: recorded(name)
        with connector(server.url) as open_connector:
            return call(open_connector)

    agent = answered(
        "121-get.json", lambda c: c.agent(recorded("121-get.json").body["id"], seconds=LONG)
    )
    body = recorded("121-get.json").body
    assert (agent.name, list(agent.tags), agent.hidden) == (body["name"], body["tags"], False)
    assert [block.label for block in agent.blocks] == [block["label"] for block in body["blocks"]]
    blocks = answered("174-core-blocks-list.json", lambda c: c.blocks(ID, seconds=LONG))
    assert [block.label for block in blocks] == ["human", "persona"]
    for name, call in (
        ("125-get-404.json", lambda c, gone: c.agent(gone, seconds=LONG)),
        ("147-patch-404.json", lambda c, gone: c.write_tags(gone, [], seconds=LONG)),
        ("228-delete-again.json", lambda c, gone: c.delete(gone, seconds=LONG)),
    ):
        case = json.loads((reference_dir / "letta/cases" / name).read_text("utf-8"))
        gone = case["request"]["path"].rpartition("/")[2]
        with pytest.raises(AgentNotThere, match=gone):
            answered(name, partial(call, gone=gone))
    with pytest.raises(Rejected, match="422"):
        answered("137-patch-tags-string.json", lambda c: c.write_tags(ID, [], seconds=LONG))


def test_block_is_edited_only_if_the_agent_has_it(server: Letta) -> None:
    block = {"id": "block-1", "label": "human", "value": "Ann"}
    mine, other = server.make(blocks=[block]), server.make()
    with connector(server.url) as open_connector:
        written = open_connector.write_block(mine["id"], "block-1", {"value": "Bob"}, seconds=LONG)
        assert (written.value, open_connector.sharers(mine["id"], "block-1", seconds=LONG)) == (
            "Bob",
            [mine["id"]],
        )
        with pytest.raises(Rejected, match="no memory block"):
            open_connector.write_block(other["id"], "block-1", {"value": "x"}, seconds=LONG)
    assert block["value"] == "Bob"


def test_about_says_what_it_is(server: Letta) -> None:
    server.make()
    with connector(server.url) as open_connector:
        about = open_connector.about(seconds=LONG)
    assert (about.words, about.agents) == ("Letta API 0.16.8, 1 agent", 1)
    assert type(failure(f"{server.url}/nowhere", lambda c: c.about(seconds=LONG))) is Denied
