"""Every type of frame that the App Server knows, sent by a user and by the connector."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ade.gate import connector, user_requests
from tests.app_server import run_alone
from tests.gate.frame_types import TYPES, of_package
from tests.gate.standins import (
    CONNECTOR,
    FOREIGN,
    FOREIGN_CONVERSATION,
    OWN,
    Client,
    World,
    run,
    runtime,
    world,
)

pytestmark = pytest.mark.only_sqlite  # the database plays no part

# What a client could put into a field to gain something, with the ids filled in.
VALUES: dict[str, Any] = {
    "payload": {
        "kind": "create_message",
        "messages": [{"role": "user", "content": "Hi", "type": "message", "name": "x"}],
        "mode": "unrestricted",
        "client_tool_allowlist": ["Bash"],
        "behavior": "allow",
    },
    "mode": "unrestricted",
    "cwd": "/",
    "create_agent": {"body": {}},
    "create_conversation": {"body": {}},
    "external_tools": [],
    "run_id": "local-run-1",
    "include_references": True,
    "path": "/etc/passwd",
    "file_path": "../../secret",
    "ref": "--output=/tmp/x",
    "sha": "--output=/tmp/x",
}


def filled(kind: str, agent: str | None, conversation: str | None) -> dict[str, Any]:
    """A frame of this type with all its fields; the ids stand wherever they can."""
    ids = {"agent_id": agent, "conversation_id": conversation}
    ids = {name: value for name, value in ids.items() if value is not None}
    frame = {name: VALUES.get(name, "x") for name in TYPES[kind]}
    frame |= {name: dict(ids) for name in ("query", "body", "runtime") if name in frame}
    if kind == "conversation_list" and conversation not in (None, "default"):
        frame["query"]["after"] = conversation
    if "payload" in frame:
        frame["payload"] = frame["payload"] | ids
    if kind != "runtime_start":  # there, `missing` means that the ids are missing
        frame = {name: value for name, value in frame.items() if name not in ids} | ids
    else:
        frame |= ids
    return {**frame, "type": kind, "request_id": "r"}


def variants(kind: str) -> Iterator[tuple[str, str]]:
    """The frames to try, as text, each with a name."""
    own = filled(kind, OWN, "default")
    yield "own", json.dumps(own)
    yield "foreign", json.dumps(filled(kind, FOREIGN, "default"))
    yield "own, with a foreign conversation", json.dumps(filled(kind, OWN, FOREIGN_CONVERSATION))
    yield "no ids", json.dumps(filled(kind, None, None))
    doubled = own | {"agentId": FOREIGN, "runtime": own.get("runtime", {}) | {"agent_id": OWN}}
    doubled["scope"] = runtime(FOREIGN)
    yield "ids doubled in other places", json.dumps(doubled)
    yield (
        "a list of ids",
        json.dumps(filled(kind, OWN, "default")).replace(f'"{OWN}"', f'["{OWN}"]'),
    )
    yield "the agent as conversation", json.dumps(filled(kind, OWN, FOREIGN))


def repeated(kind: str) -> Iterator[str]:
    """The same with a key that comes twice, on the outside and within an object."""
    own = json.dumps(filled(kind, OWN, "default"))
    yield own[:-1] + f', "type": "{kind}"}}'
    yield own[:-1] + f', "agent_id": "{OWN}", "agent_id": "{FOREIGN}"}}'
    yield own[:-1] + f', "x": {{"agent_id": "{OWN}", "agent_id": "{FOREIGN}"}}}}'


@pytest.mark.parametrize("started", [False, True], ids=["at first", "after runtime_start"])
def test_nothing_forbidden_passes_from_a_user(started: bool) -> None:
    async def scenario(world: World) -> None:
        async with world.client() as client:
            if started:
                assert (await client.start())["success"]
            for kind in TYPES:
                for name, text in variants(kind):
                    answer = await client.raw(text, "r")
                    if name == "foreign" and kind != "agent_list":  # which is filtered
                        passed = answer.get("success") or answer.get("accepted")
                        assert not passed, (kind, text)
                    if kind not in user_requests.HANDLERS:
                        assert (answer["type"], answer["success"]) == ("error", False), (kind, name)
                    assert FOREIGN not in json.dumps(answer).replace(str(answer.get("error")), "")
            assert FOREIGN not in json.dumps(client.others)
        sent = {frame["type"] for frame in world.app_server.seen}
        assert sent - user_requests.HANDLERS.keys() == set()
        assert ("input" in sent) == started

    run(scenario)


def test_a_repeated_key_ends_the_connection() -> None:
    async def one(world: World, text: str) -> int | None:
        async with world.client() as client:
            await client.socket.send_str(text)
            return await client.closed()

    async def scenario(world: World) -> None:
        for kind in user_requests.HANDLERS:
            codes = await asyncio.gather(*(one(world, text) for text in repeated(kind)))
            assert codes == [1008] * 3
        assert world.app_server.seen == []

    run(scenario)


def test_only_listed_requests_pass_from_the_connector() -> None:
    async def scenario(world: World) -> None:
        world.app_server.judge = lambda frame: None
        async with world.client(CONNECTOR) as client:
            for kind in TYPES:
                for _, text in variants(kind):
                    await client.raw(text, "r")
        for frame in world.app_server.seen:
            must, may, parts = connector.REQUESTS[frame["type"]]
            assert frame.keys() - {"type", "request_id"} - {*must, *may, *parts} == set()
            for name, known in parts.items():
                assert frame[name].keys() - known.keys() == set()
            assert not any(bad in json.dumps(frame) for bad in ("/etc", "..", "--output"))
        sent = {frame["type"] for frame in world.app_server.seen}
        assert {"app_server_info", "agent_retrieve", "agent_delete", "list_memory"} <= sent

    run(scenario)


@pytest.mark.whole
def test_the_list_of_types_is_that_of_the_package(app_server_package: Path) -> None:
    assert of_package(app_server_package / "_payload/app/dist/types/types") == TYPES


def test_the_connector_can_do_its_work() -> None:
    async def scenario(client: Client) -> None:
        assert (await client.ask("app_server_info"))["success"]
        listed = await client.ask("agent_list", query={"limit": 10**9})
        assert [agent["system"] for agent in listed["agents"]] == ["secret", "secret"]
        body = {"name": "n", "tags": ["user_1"], "system": "s", "model": "a/b", "hidden": False}
        block = {"label": "human", "value": "Ann", "description": None}
        made = body | {"memory_blocks": [block], "context_window_limit": 9000}
        assert (await client.ask("agent_create", body=made))["success"]
        assert (await client.ask("agent_update", agent_id=FOREIGN, body=body))["success"]
        assert (await client.ask("read_memory_file", agent_id=OWN, path="system/human.md"))[
            "success"
        ]
        refused = await client.ask("agent_update", agent_id=OWN, body={"tools": ["Bash"]})
        assert (refused["success"], "tools" in refused["error"]) == (False, True)
        block["label"] = "../../x"
        assert not (await client.ask("agent_create", body=made))["success"]

    async def main() -> None:
        async with world() as made:
            made.app_server.judge = lambda frame: None
            async with made.client(CONNECTOR) as client:
                await scenario(client)

    run_alone(main())
