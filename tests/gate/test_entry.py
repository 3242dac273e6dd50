"""Who gets in: tokens, keys, origins, sizes, limits."""

import asyncio
import json

import aiohttp
import pytest

from ade.gate import server, settings
from tests.gate.standins import (
    CLIENT_SIDE,
    CONNECTOR,
    KEY,
    OWN,
    PAGE,
    SECONDS,
    UPSTREAM,
    World,
    run,
)

pytestmark = pytest.mark.only_sqlite  # the database plays no part


async def status(world: World, token: str | None = KEY, path: str = "/ws", **headers: str) -> int:
    """The status of an upgrade; 101 if it works."""
    more = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        async with world.session.ws_connect(f"{world.http}{path}", headers=more | headers):
            return 101
    except aiohttp.WSServerHandshakeError as error:
        return error.status


def test_tokens() -> None:
    async def scenario(world: World) -> None:
        assert await status(world) == 101
        assert await status(world, CONNECTOR) == 101
        for token in (UPSTREAM, KEY + "x", "ade_", "ade_é", CONNECTOR[:-1], "x" * 10_000):
            assert await status(world, token) == (400 if len(token) > 9000 else 401)
        assert await status(world, None, Authorization=f"Basic {CONNECTOR}") == 401
        assert await status(world, path="/ws?token=x") == 400
        assert await status(world, path="/") == 101
        assert await status(world, path="/ws/") == 404

    run(scenario)


def test_users_keys_are_off_by_default() -> None:
    async def scenario(world: World) -> None:
        assert await status(world) == 401
        assert await status(world, None) == 401
        assert await status(world, CONNECTOR) == 101
        async with world.session.get(f"{world.http}/v1/models") as answer:
            assert answer.status == 401
        assert world.ade.asked == 0

    run(scenario, user_keys=False)
    found = settings.read({"GATE_TOKEN": CONNECTOR})
    assert (found.user_keys, found.host, found.port) == (False, "127.0.0.1", 8390)


def test_origins() -> None:
    async def scenario(world: World) -> None:
        assert await status(world, Origin="https://chat.example") == 101
        for origin in ("https://evil.example", "null", "https://chat.example.evil", ""):
            assert await status(world, Origin=origin) == 403
        assert await status(world, CONNECTOR, Origin="https://chat.example") == 403
        assert await status(world, Origin="x" * 301) == 403
        async with world.client(None, Origin="https://evil.example") as client:
            await client.socket.send_str(json.dumps({"type": "authenticate", "token": KEY}))
            assert await client.closed() == 1008

    run(scenario)


def test_a_client_side_token_works_from_its_own_origin() -> None:
    async def scenario(world: World) -> None:
        assert await status(world, CLIENT_SIDE, Origin=PAGE) == 101
        assert await status(world, CLIENT_SIDE, Origin="https://chat.example") == 401
        assert await status(world, CLIENT_SIDE) == 401
        async with world.client(CLIENT_SIDE, Origin=PAGE) as client:
            assert (await client.start())["success"]

    run(scenario)


def test_pages_can_read_the_answers() -> None:
    name = "Access-Control-Allow-Origin"

    async def scenario(world: World) -> None:
        url, page = f"{world.http}/v1/models", {"Origin": "https://chat.example"}
        key = {"Authorization": f"Bearer {KEY}"}
        async with world.session.options(url, headers=page) as answer:
            assert (answer.status, answer.headers[name]) == (204, "https://chat.example")
        for token in (key, {"Authorization": "Bearer ade_0123456789ab_wrong"}):
            async with world.session.get(url, headers=page | token) as answer:
                assert answer.headers[name] == "https://chat.example"
        async with world.session.get(
            url, headers=key | {"Origin": "https://evil.example"}
        ) as answer:
            assert (answer.status, name in answer.headers) == (403, False)

    run(scenario)


def test_a_page_sends_its_key_as_the_first_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(world: World) -> None:
        async with world.client(None, Origin="https://chat.example") as client:
            await client.socket.send_str(json.dumps({"type": "authenticate", "token": KEY}))
            assert json.loads(await client.socket.receive_str()) == {"type": "authenticated"}
            assert (await client.ask("agent_retrieve", agent_id=OWN))["success"]
        for first in ({"type": "agent_list"}, {"type": "authenticate", "token": CONNECTOR}, []):
            async with world.client(None) as client:
                await client.socket.send_str(json.dumps(first))
                assert await client.closed() == 1008
        monkeypatch.setattr(server, "KEY_SECONDS", 0.05)
        async with world.client(None) as client:
            assert await client.closed() == 1008
        monkeypatch.setattr(server, "MOST_WITHOUT_KEY", 0)
        async with world.client(None) as client:
            assert await client.closed() == 1013

    run(scenario)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", 1008),
        ("[]", 1008),
        ('{"a": NaN}', 1008),
        ('{"__proto__": {}}', 1008),
        ("[" * 100_000, 1008),
        ('{"a": "' + "x" * 1_100_000 + '"}', 1009),
    ],
)
def test_what_is_no_frame_ends_the_connection(text: str, code: int) -> None:
    async def scenario(world: World) -> None:
        async with world.client() as client:
            await client.socket.send_str(text)
            assert await client.closed() == code
        assert world.app_server.seen == []

    run(scenario)


def test_too_many_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 1)

    async def scenario(world: World) -> None:
        async with world.client():
            assert await status(world) == 503
        async with world.session.get(f"{world.http}/readyz") as answer:
            assert (answer.status, await answer.text()) == (200, "ok")

    run(scenario)


def test_too_many_connections_of_one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_OF_A_KEY", 1)

    async def scenario(world: World) -> None:
        async with world.client():
            assert await status(world) == 503
            assert await status(world, CONNECTOR) == 101
            assert await status(world, CLIENT_SIDE, Origin=PAGE) == 101  # of another caller
        async with asyncio.timeout(SECONDS):
            while await status(world) != 101:
                pass

    run(scenario)


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"GATE_TOKEN": ""}, "GATE_TOKEN"),
        ({"GATE_TOKEN": "short"}, "32 characters"),
        ({"GATE_UPSTREAM_TOKEN": CONNECTOR}, "opens a shell"),
        ({"GATE_USER_KEYS": "1"}, "GATE_ADE"),
        ({"GATE_USER_KEYS": "maybe"}, "1 or 0"),
        ({"GATE_LISTEN": "8390"}, "GATE_LISTEN"),
        ({"GATE_UPSTREAM": "http://127.0.0.1"}, "ws://"),
        ({"GATE_TOKEN_FILE": "/nowhere"}, "cannot be read"),
    ],
)
def test_a_wrong_setting_stops_the_start(more: dict[str, str], text: str) -> None:
    with pytest.raises(settings.BadSetting, match=text):
        settings.read({"GATE_TOKEN": CONNECTOR} | more)
