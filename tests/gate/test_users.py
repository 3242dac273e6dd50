"""A user's key at the gate: what it can do, and what ends it."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from ade.gate import sessions, user
from tests.gate.standins import (
    FOREIGN,
    FOREIGN_CONVERSATION,
    OWN,
    OWN_CONVERSATION,
    World,
    delta,
    run,
    runtime,
)

pytestmark = pytest.mark.only_sqlite  # the database plays no part


def test_a_turn() -> None:
    async def scenario(world: World) -> None:
        async with world.client() as client:
            assert await client.start() == {
                "type": "runtime_start_response",
                "request_id": "runtime_start",
                "success": True,
                "runtime": runtime(),
                "mode": "strict",
            }
            assert (await client.say([{"type": "text", "text": "Hi"}]))["accepted"]
            await client.until(lambda frame: frame["type"] == "turn_finished")
        kinds = [frame["type"] for frame in client.others]
        assert kinds == ["stream_delta"] * 3  # not update_device_status
        sent = [frame["type"] for frame in world.app_server.seen]
        assert sent == ["runtime_start", "runtime_start", "input"]  # strict once more

    run(scenario)


def test_an_input_without_a_start_is_refused() -> None:
    async def scenario(world: World) -> None:
        async with world.client() as client:
            for scope in ({}, {"conversation_id": OWN_CONVERSATION}):
                refused = await client.say(**scope)
                assert (refused["accepted"], "runtime_start" in refused["error"]) == (False, True)
                await client.start()
                scope.clear()
            assert not (await client.say(conversation_id=OWN_CONVERSATION))["accepted"]
            assert not (await client.ask("abort_message", runtime=runtime(FOREIGN)))["success"]
        assert {frame["type"] for frame in world.app_server.seen} == {"runtime_start"}

    run(scenario)


@pytest.mark.parametrize(
    "payload",
    [
        {"kind": "approval_response", "request_id": "perm-1", "decision": {"behavior": "allow"}},
        {"kind": "teleport_continue"},
        {"kind": ["create_message"]},
        {"kind": "create_message", "messages": []},
        {"kind": "create_message", "messages": [{"role": "system", "content": "x"}]},
        {"kind": "create_message", "messages": [{"role": "user", "content": ""}]},
        {"kind": "create_message", "messages": [{"role": "user", "content": "x"}] * 2},
        {
            "kind": "create_message",
            "messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}],
        },
        {"kind": "create_message", "messages": [{"type": "approval", "approvals": []}]},
    ],
)
def test_only_one_text_of_the_user_is_passed_on(payload: dict[str, Any]) -> None:
    async def scenario(world: World) -> None:
        async with world.client() as client:
            await client.start()
            answer = await client.ask("input", runtime=runtime(), payload=payload)
            assert (answer["type"], answer["accepted"]) == ("input_accepted", False)
        assert [frame["type"] for frame in world.app_server.seen] == ["runtime_start"]

    run(scenario)


def test_reading() -> None:
    async def scenario(world: World) -> None:
        async with world.client() as client:
            only = {"id": OWN, "name": "a", "tags": []}  # without system
            assert (await client.ask("agent_list"))["agents"] == [only]
            assert (await client.ask("agent_list", query={"after": OWN}))["agents"] == []
            assert "error" in await client.ask("agent_list", query={"after": FOREIGN})
            assert (await client.ask("agent_retrieve", agent_id=OWN))["agent"] == only
            unknown = OWN.replace("1", "3")
            refusals = [
                (await client.ask("agent_retrieve", agent_id=agent))["error"].replace(agent, "")
                for agent in (FOREIGN, unknown)
            ]
            assert refusals[0] == refusals[1]
            listed = await client.ask("conversation_list", query={"agent_id": OWN})
            assert [item["id"] for item in listed["conversations"]] == [OWN_CONVERSATION]
            assert not (await client.ask("conversation_list"))["success"]
            made = await client.ask("conversation_create", body={"agent_id": OWN, "hidden": True})
            assert "secret" not in json.dumps(made)
            for name, works in [(OWN_CONVERSATION, True), (FOREIGN_CONVERSATION, False)]:
                found = await client.ask("conversation_retrieve", conversation_id=name)
                assert found["success"] is works
                for query in ({}, {"agent_id": OWN}):
                    said = await client.ask(
                        "conversation_messages_list", conversation_id=name, query=query
                    )
                    assert said["success"] is works
            kinds = [
                message["message_type"]
                for message in (
                    await client.ask("conversation_messages_list", conversation_id=OWN_CONVERSATION)
                )["messages"]
            ]
            assert kinds == ["user_message"]  # not the system prompt
            assert not (await client.ask("conversation_messages_list", conversation_id="default"))[
                "success"
            ]

    run(scenario)


def test_a_right_is_needed_for_each_request() -> None:
    async def scenario(world: World) -> None:
        world.ade.rights[OWN] = {"read_agent"}
        async with world.client() as client:
            assert (await client.ask("agent_retrieve", agent_id=OWN))["success"]
            assert not (await client.ask("conversation_list", query={"agent_id": OWN}))["success"]
            assert not (await client.start())["success"]
            world.ade.rights[OWN] = {"write_messages"}  # the frames of a turn are messages to read
            assert not (await client.start())["success"]
        assert world.ade.asked >= 5

    run(scenario)


def test_a_key_without_one_right_keeps_its_conversation() -> None:
    async def scenario(world: World) -> None:
        world.ade.rights[OWN].discard("read_agent")
        async with world.client() as client:
            await client.start()
            assert not (await client.ask("agent_retrieve", agent_id=OWN))["success"]
            assert (await client.say())["accepted"]
            world.ade.rights[OWN].discard("read_messages")
            assert "closed" in await client.say()

    run(scenario)


def test_frames_of_others_reach_nobody() -> None:
    secret = "a secret of somebody else"
    foreign, other = runtime(FOREIGN), runtime(OWN, OWN_CONVERSATION)
    own = runtime()
    pushed: list[dict[str, Any]] = [
        delta(secret, foreign),
        delta(secret, other),  # an own agent's conversation that this client did not open
        delta(secret, own) | {"subagent_id": "s"},
        {"type": "stream_delta", "runtime": own, "delta": {"agent_id": FOREIGN, "text": secret}},
        {"type": "stream_delta", "delta": {"text": secret}},
        {"type": "stream_delta", "runtime": [own], "delta": {"text": secret}},
        *(
            {"type": kind, "runtime": own, "request_id": "agent_list", "data": secret}
            for kind in (
                *("update_device_status", "update_subagent_state", "terminal_output"),
                *("file_changed", "secret_list_response", "agent_list_response", "crons_updated"),
            )
        ),
        {"type": "agent_retrieve_response", "request_id": "r", "agent": {"name": secret}},
        {"type": ["stream_delta"], "runtime": own, "delta": secret},
        {"type": "turn_finished", "runtime": own, "stop_reason": "end_turn", "secret": secret},
    ]

    async def scenario(world: World) -> None:
        async with world.client() as client:
            await client.start()
            await world.app_server.push(*pushed, delta("mine", own))
            await client.until(lambda frame: "mine" in json.dumps(frame))
            assert secret not in json.dumps(client.others)
            assert [frame["type"] for frame in client.others] == ["turn_finished"]

    run(scenario)


def test_the_gate_denies_every_approval() -> None:
    async def scenario(world: World) -> None:
        async with world.client() as client:
            await client.start()
            wanted = {"type": "control_request", "request_id": "perm-1", "request": {}}
            await world.app_server.push(
                wanted | {"runtime": runtime(FOREIGN)}, wanted | {"runtime": runtime()}
            )
            await world.app_server.push(delta("done", runtime()))
            await client.until(lambda frame: "done" in json.dumps(frame))
            await client.ask("agent_retrieve", agent_id=OWN)  # sent after the gate's denial
        denials = [f["payload"] for f in world.app_server.seen if f["type"] == "input"]
        assert [(d["request_id"], d["decision"]["behavior"]) for d in denials] == [
            ("perm-1", "deny")
        ]
        assert client.others == []

    run(scenario)


@pytest.mark.parametrize("gone", ["right", "key", "ADE", "ADE's answer"])
def test_what_ends_a_subscription(gone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user, "RECHECK_SECONDS", 0.01)
    monkeypatch.setattr("ade.gate.access.ANSWER_SECONDS", 0.2)

    async def scenario(world: World) -> None:
        async with world.client() as client:
            await client.start()
            if gone == "right":
                world.ade.rights[OWN].discard("read_messages")
            elif gone == "key":
                world.ade.key_works = False
            else:
                world.ade.status = 500 if gone == "ADE" else 0
            assert await client.closed() == (1008 if gone in ("right", "key") else 1013)
            await world.app_server.push(delta("late", runtime()))
            assert "late" not in json.dumps(client.others)

    run(scenario)


@pytest.mark.parametrize("status", [500, 429, 403, 302])
def test_without_an_answer_of_ade_nothing_passes(status: int) -> None:
    async def scenario(world: World) -> None:
        async with world.client() as client:
            world.ade.status = status
            assert "closed" in await client.ask("agent_list")
            assert client.socket.close_code == 1013
        assert world.app_server.seen == []
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with world.client():
                pass
        assert refused.value.status == 503

    run(scenario)


def test_a_silent_or_lost_app_server_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ade.gate.upstream.ANSWER_SECONDS", 0.1)

    async def scenario(world: World) -> None:
        async with world.client() as client:
            world.app_server.silent = True
            assert await client.ask("agent_retrieve", agent_id=OWN) == {"closed": 1013}
        world.app_server.silent = False
        async with world.client() as client:
            await client.start()
            await world.app_server.sockets[-1].close()
            assert await client.closed() == 1013

    run(scenario)


def test_a_slow_reader_stops_the_app_server_and_is_disconnected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sessions, "SLOW_SECONDS", 1)
    frame = delta("x" * 500_000, runtime())
    sent = 0

    async def flood(world: World) -> None:
        nonlocal sent
        for _ in range(400):  # 200 MB
            await world.app_server.push(frame)
            sent += 1

    async def scenario(world: World) -> None:
        async with world.client() as client:
            await client.start()
            client.socket._reader._protocol.pause_reading()  # type: ignore[attr-defined]
            flooding = asyncio.create_task(flood(world))
            # The gate gives up on the client and closes its connection to the App Server.
            most = 0
            async with asyncio.timeout(60):
                while not world.app_server.sockets[-1].closed:
                    if not client.socket._response.connection.transport.is_closing():
                        most = sent
                    await asyncio.sleep(0.05)
            # What the sockets of two connections and the gate hold, and no more.
            assert most < 100
            flooding.cancel()
            await asyncio.gather(flooding, return_exceptions=True)

    run(scenario)


def test_at_most_so_many_conversations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user, "MOST_OPEN", 1)

    async def scenario(world: World) -> None:
        async with world.client() as client:
            assert (await client.start())["success"]
            assert (await client.start())["success"]
            assert not (await client.start(OWN_CONVERSATION))["success"]

    run(scenario)
