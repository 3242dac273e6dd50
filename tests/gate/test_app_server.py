"""The App Server that tests use: it asks for its token, runs turns, and survives what tests do to it."""

import json
from typing import Any

import aiohttp
import pytest

from tests.app_server import MODEL, VERSION, AppServer, run_alone
from tests.conftest import PATIENCE

pytestmark = [pytest.mark.only_sqlite, pytest.mark.whole]  # the database plays no part


async def ask(socket: aiohttp.ClientWebSocketResponse, kind: str, **fields: Any) -> dict[str, Any]:
    await socket.send_str(json.dumps({"type": kind, "request_id": kind, **fields}))
    while True:
        frame = await socket.receive_json(timeout=PATIENCE)
        if frame.get("request_id") == kind:
            return frame


async def turn(server: AppServer, text: str, mode: str) -> tuple[str, str]:
    """Return the agent's id, and what it said."""
    headers = {"Authorization": f"Bearer {server.token}"}
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(server.url, headers=headers) as socket,
    ):
        info = await ask(socket, "app_server_info")
        assert (info["letta_code_version"], info["backend"]) == (VERSION, "local")
        made = await ask(socket, "agent_create", body={"name": "a", "model": MODEL})
        runtime = {"agent_id": made["agent"]["id"], "conversation_id": "default"}
        assert (await ask(socket, "runtime_start", mode=mode, **runtime))["success"]
        messages = [{"role": "user", "content": text}]
        payload = {"kind": "create_message", "messages": messages}
        await ask(socket, "input", runtime=runtime, payload=payload)
        said = ""
        while (frame := await socket.receive_json(timeout=PATIENCE))["type"] != "turn_finished":
            delta = frame.get("delta", {})
            if delta.get("message_type") == "assistant_message":
                said += "".join(part["text"] for part in delta["content"])
        return runtime["agent_id"], said


def test_app_server_runs_turns_also_after_it_was_killed(app_server: AppServer) -> None:
    agent, said = run_alone(turn(app_server, "hello", "strict"))
    assert said == f"agent={agent} said: hello"
    app_server.kill()
    app_server.revive()
    call = 'tool Bash {"command": "echo $((40 + 2))", "description": "Add"}'
    _, said = run_alone(turn(app_server, call, "unrestricted"))
    assert said.strip() == "result: 42"
