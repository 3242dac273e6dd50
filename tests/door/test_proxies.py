"""The front door with real nginx and Caddy, a real ADE and a small Letta."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from django.core.management import CommandError, call_command
from serve import free_port

from agents.core.actors import command_actor
from agents.domain.keys import disable_key
from agents.domain.tags.edit import change_tags
from agents.models import AgentSource
from tests.api.calls import make_token
from tests.door.conftest import place
from tests.door.letta import Letta, running
from tests.door.proxies import DOORS, PASSWORD, SECRET
from tests.helpers import ROOT, make_agent

pytestmark = [pytest.mark.whole, pytest.mark.only_sqlite]  # the database plays no part
ORIGIN = "https://app.example"


@dataclass
class Door:
    """A running door, and what stands behind it."""

    client: httpx.Client
    letta: Letta
    own: str
    foreign: str
    token: str
    folder: Path

    def send(
        self, method: str, path: str, *, token: str | None = None, **headers: str
    ) -> httpx.Response:
        key = self.token if token is None else token
        given = {"Authorization": f"Bearer {key}", "Accept": "test"} | headers
        return self.client.request(
            method, path, headers=given, content=b"{}" if method != "GET" else None
        )


@pytest.fixture(params=DOORS)
def door(
    request: pytest.FixtureRequest,
    serve: Callable[..., str],
    database_url: str,
    source: AgentSource,
    letta: Letta,
    tmp_path: Path,
) -> Iterator[Door]:
    ade = serve(
        BEHIND_PROXY="true",
        ALLOWED_HOSTS="127.0.0.1",
        DOOR_SECRET=SECRET,
        CORS_ALLOWED_ORIGINS=ORIGIN,
        SOURCE_ALLOWED_NETWORKS="127.0.0.0/8",
    )
    own = place(make_agent(tags=["user_1"]), source)
    foreign = place(make_agent(tags=["user_2"]), source)
    with ExitStack() as stack:
        hosts = urlsplit(ade).netloc, urlsplit(letta.url).netloc
        address = DOORS[request.param](tmp_path, *hosts, stack)
        client = stack.enter_context(httpx.Client(base_url=address, timeout=60))
        yield Door(client, letta, own, foreign, make_token(limit_tag="user_1"), tmp_path)


def test_it_passes_own_requests_and_refuses_others(door: Door) -> None:
    own, messages = f"/v1/agents/{door.own}/messages", "/messages?limit=3"
    answer = door.send("POST", own, Origin=ORIGIN)
    assert (answer.status_code, answer.json()) == (200, {"from": "letta"})
    got = door.letta.got[-1]
    assert (got.method, got.target, got.body) == ("POST", own, b"{}")
    assert got.headers["authorization"] == f"Bearer {PASSWORD}"
    assert "origin" not in got.headers
    assert answer.headers.get_list("Access-Control-Allow-Origin") == [ORIGIN]
    assert door.send("GET", f"/v1/agents/{door.own}{messages}").status_code == 200
    assert door.letta.got[-1].target == f"/v1/agents/{door.own}{messages}"

    refused = door.send("POST", f"/v1/agents/{door.foreign}/messages", Origin=ORIGIN)
    assert (refused.status_code, refused.json()["code"]) == (403, "unknown_agent")
    assert refused.headers.get_list("Access-Control-Allow-Origin") == [ORIGIN]
    unknown = door.send("POST", own, token="wrong", Origin=ORIGIN)
    assert (unknown.status_code, unknown.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert unknown.headers.get_list("Access-Control-Allow-Origin") == [ORIGIN]
    assert len(door.letta.got) == 2

    run = door.letta.owns(door.own, 1)["runs"]
    assert door.client.get(
        f"/v1/runs/{run}", headers={"Authorization": f"Bearer {door.token}"}
    ).json()
    assert (
        door.send("GET", f"/v1/runs/{door.letta.owns(door.foreign, 2)['runs']}").status_code == 403
    )

    change_tags(agent_id=door.own, remove=["user_1"], actor=ROOT)
    assert door.send("POST", own).status_code == 403
    change_tags(agent_id=door.own, add=["user_1"], actor=ROOT)
    assert door.send("POST", own).status_code == 200
    disable_key(key_id=door.token.split("_")[1], actor=command_actor("test"))
    assert door.send("POST", own).status_code == 401


def test_no_header_of_a_client_opens_or_reaches_letta(door: Door) -> None:
    foreign, own = f"/v1/agents/{door.foreign}/messages", f"/v1/agents/{door.own}/messages"
    forged = {
        "Doorto": "letta",
        "Doortarget": foreign,
        "Doorsecret": SECRET,
        "Doormethod": "GET",
        "Dooruri": own,
        "Doorsource": "letta",
        "Doorcors": "https://evil.example",
        "Doorexposed": "x",
        "Doorcode": "x",
        "Doordetail": "x",
        "X-Original-URL": own,
        "X-Original-Uri": own,
        "X-Rewrite-URL": own,
        "X-Forwarded-Uri": own,
        "X-Forwarded-Method": "GET",
        "X-HTTP-Method-Override": "GET",
        "X-Method-Override": "GET",
        "user_id": "user-1",
        "Door_Uri": own,
        "X_Forwarded_Uri": own,
        "X-BARE-PASSWORD": "password x",
        "X-Project": "p",
        "X-Experimental-Message-Async": "true",
        "X-Letta-Source": "x",
        "Cookie": "a=b",
        "Access-Control-Allow-Origin": "https://evil.example",
    }
    for name, value in forged.items():
        assert door.send("POST", foreign, **{name: value}).status_code == 403, name
        assert door.send("POST", own, token="wrong", **{name: value}).status_code == 401, name
    assert not door.letta.got
    assert door.send("POST", foreign, **forged).status_code == 403
    answer = door.send("POST", own, **forged)
    assert answer.status_code == 200
    assert "Access-Control-Allow-Origin" not in answer.headers
    got = door.letta.got[-1]
    assert got.target == own
    kept = {name for name in got.headers if name.startswith(("door", "x-", "user_", "cookie"))}
    assert kept == {"x-request-id"}


def test_odd_addresses_and_methods_do_not_pass(door: Door) -> None:
    foreign, port = door.foreign, door.client.base_url.port
    assert port is not None
    for target in (
        f"/v1/agents/{door.own}/../{foreign}/messages",
        f"/v1/agents/{door.own}/%2e%2e/{foreign}/messages",
        f"/v1/agents/{door.own}%2f..%2f{foreign}/messages",
        f"//v1/agents/{door.own}/messages",
        f"/v1//agents/{door.own}/messages",
        f"/V1/agents/{door.own}/messages",
        f"/v1/agents/{door.own}/messages;x",
        f"/v1/agents/{door.own}/messages%00",
        f"http://127.0.0.1/v1/agents/{foreign}/messages",
        f"/v1/agents/{door.own}/messages?group_id=1",
        "/authorize",
        "/door-authorize",
        "/openapi.json",
        "/metrics",
        "/accounts/login/",
        f"/latest/agents/{door.own}/messages",
    ):
        assert _raw(port, "GET", target, door.token) in (b"400", b"403", b"404"), target
    for method in ("HEAD", "TRACE", "PROPFIND", "get", "LETTA"):
        assert _raw(port, method, f"/v1/agents/{door.own}/messages", door.token) in (
            b"400",
            b"403",
            b"405",
        ), method
    upgrade = door.send(
        "GET", f"/v1/agents/{door.own}/messages", Connection="Upgrade", Upgrade="websocket"
    )
    assert (upgrade.status_code, upgrade.json()["code"]) == (403, "upgrade_refused")
    assert not door.letta.got


def _raw(port: int, method: str, target: str, token: str) -> bytes:
    """The status of a request whose target is sent as it is."""
    head = f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(f"{head}Accept: test\r\nConnection: close\r\n\r\n".encode())
        return connection.makefile("rb").readline().split(b" ")[1]


def test_a_stream_arrives_word_by_word_and_outlives_the_right(door: Door) -> None:
    headers = {"Authorization": f"Bearer {door.token}", "Accept": "test"}
    path = f"/v1/agents/{door.own}/messages/stream"
    with door.client.stream("POST", path, headers=headers, content=b"{}") as answer:
        words = answer.iter_raw()
        assert next(words) == b"data: one\n\n"  # the server waits until it is read
        disable_key(key_id=door.token.split("_")[1], actor=command_actor("test"))
        door.letta.read.set()
        assert b"".join(words) == b"data: two\n\n"


def test_ade_answers_for_agents_and_preflights(door: Door) -> None:
    agents = door.send("GET", "/v1/agents", Origin=ORIGIN)
    assert [agent["id"] for agent in agents.json()] == [door.own]
    assert agents.headers.get_list("Access-Control-Allow-Origin") == [ORIGIN]
    added = door.client.post(
        f"/v1/agents/{door.own}/tags",
        headers={"Authorization": f"Bearer {make_token()}"},
        json={"add": ["a b/ü"]},
    )
    assert added.json() == {"tags": ["a b/ü", "user_1"]}
    found = door.send("GET", "/v1/agents/?tags=a%20b%2F%C3%BC&limit=2")
    assert [agent["id"] for agent in found.json()] == [door.own]
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    for origin, allowed in ((ORIGIN, ORIGIN), ("https://evil.example", None)):
        path = f"/v1/agents/{door.own}/messages"
        answer = door.client.options(path, headers=asked | {"Origin": origin})
        assert answer.headers.get("Access-Control-Allow-Origin") == allowed
    assert not door.letta.got


def test_door_check_finds_nothing_open(door: Door, tmp_path: Path) -> None:
    file, said = tmp_path / "token", StringIO()
    file.write_text(door.token)
    call_command("door", "check", str(door.client.base_url), token_file=str(file), stdout=said)
    assert "answers are right" in said.getvalue()
    assert "OPEN" not in said.getvalue()
    assert not door.letta.got


def test_door_check_says_what_is_open(letta: Letta, db: None) -> None:
    said = StringIO()
    letta.answers = {"/v1/agents/": [], "/openapi.json": {}}
    with pytest.raises(CommandError, match="answers are wrong"):
        call_command("door", "check", letta.url, stdout=said)
    assert "OPEN without a key, agents are not listed: but the answer is 200" in said.getvalue()


def test_no_token_and_no_query_is_logged(door: Door) -> None:
    door.send("DELETE", f"/v1/client-side-access-tokens/{door.token}")
    door.send("GET", f"/v1/agents/{door.own}/messages?before=message-1&secret=2")
    logs = [
        path.read_text()
        for path in door.folder.rglob("*")
        if path.suffix in (".log",) or path.name == "output"
    ]
    assert any(door.own in text for text in logs)
    for text in logs:
        assert door.token not in text
        assert "secret=2" not in text


@pytest.mark.parametrize("kind", DOORS)
def test_without_an_answer_of_ade_nothing_passes(kind: str, letta: Letta, tmp_path: Path) -> None:
    with ExitStack() as stack, running() as ade:
        dead, erring = free_port(), urlsplit(ade.url).port
        for port in (dead, erring):
            folder = tmp_path / str(port)
            folder.mkdir()
            host = urlsplit(letta.url).netloc
            address = DOORS[kind](folder, f"127.0.0.1:{port}", host, stack)
            # An answer 200 is no decision either, nor is a refusal to decide.
            for ade.status in (500, 503, 429, 200) if port == erring else (0,):
                answer = httpx.get(f"{address}/v1/runs/", timeout=60)
                assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2"), ade.status
                assert answer.json()["code"] == "unavailable"
    assert not letta.asked
