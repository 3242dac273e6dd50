"""The gate between real programs: an App Server from PyPI, ADE, and `python -m ade.gate`."""

import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator, Iterator
from ipaddress import ip_network
from typing import Any

import aiohttp
import httpx
import pytest
from asgiref.sync import sync_to_async
from processes import start, stop
from serve import HOST, answers, free_port

from ade.gate.server import make_app
from agents.domain.tags.edit import change_tags
from agents.models import Agent, Scope
from agents.net.connectors.address import Networks
from agents.net.connectors.base import AgentNotThere, Rejected
from agents.net.connectors.connect import connect
from tests.api.calls import make_token
from tests.app_server import MODEL, AppServer, run_alone
from tests.conftest import PATIENCE
from tests.gate.frame_types import TYPES
from tests.gate.standins import (
    CONNECTOR,
    KEY,
    AdeStandIn,
    Client,
    gate_settings,
    runtime,
    served,
    web,
)
from tests.gate.test_every_type import filled
from tests.helpers import ROOT, make_agent

pytestmark = [pytest.mark.only_sqlite, pytest.mark.whole]

LOOPBACK = Networks(allowed=(ip_network("127.0.0.0/8"),))
# What the default toolset of letta 0.34.12 offers a model. docs/operate/gate.md says it.
TOOLS = {
    *("Agent", "Bash", "Edit", "EnterWorktree", "ExitWorktree", "Memory", "Monitor", "Read"),
    *("SendAgentMessage", "SetWorkingDirectory", "Skill", "TaskCreate", "TaskGet", "TaskList"),
    *("TaskStop", "TaskUpdate", "Wake", "WatchPR", "Workflow", "Write"),
}


@contextlib.asynccontextmanager
async def connected(url: str, token: str) -> AsyncIterator[Client]:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(
            url,
            headers={"Authorization": f"Bearer {token}"},
            max_msg_size=0,
            timeout=aiohttp.ClientWSTimeout(ws_close=1),
        ) as socket,
    ):
        yield Client(socket)


async def make(client: Client, name: str) -> str:
    made = await client.ask("agent_create", body={"name": name, "model": MODEL, "system": "S"})
    return str(made["agent"]["id"])


async def said(client: Client, agent_id: str, text: str, **more: Any) -> tuple[str, list[str]]:
    """Run a turn. Returns what the agent said, and the tools that the server asked about."""
    client.others.clear()
    payload = {"kind": "create_message", "messages": [{"role": "user", "content": text}]}
    payload["messages"][0]["client_message_id"] = str(time.monotonic_ns())  # type: ignore[index]
    accepted = await client.ask("input", runtime=runtime(agent_id), payload=payload | more)
    assert accepted["accepted"], accepted

    def ends(frame: dict[str, Any]) -> bool:
        return frame["type"] in ("turn_finished", "control_request")

    asked = []
    while (frame := await client.until(ends))["type"] == "control_request":
        asked.append(frame["request"]["tool_name"])
        denial = {"kind": "approval_response", "request_id": frame["request_id"]}
        denial["decision"] = {"behavior": "deny", "message": "no"}  # type: ignore[assignment]
        answer = {"type": "input", "request_id": "no", "runtime": runtime(agent_id)}
        await client.socket.send_str(json.dumps(answer | {"payload": denial}))
    deltas = [frame["delta"] for frame in client.others if frame["type"] == "stream_delta"]
    parts = [d["content"] for d in deltas if d.get("message_type") == "assistant_message"]
    return "".join(part["text"] for content in parts for part in content), asked


def arguments(schema: dict[str, Any]) -> dict[str, Any]:
    """Plausible arguments for a tool; paths and commands read a file of the machine."""
    simple = {"string": "x", "number": 1, "integer": 1, "boolean": False, "array": [], "object": {}}
    found: dict[str, Any] = {}
    for name, field in schema.get("properties", {}).items():
        if name in ("file_path", "path"):
            found[name] = "/etc/hostname"
        elif "enum" in field:
            found[name] = field["enum"][0]
        elif name == "command":
            found[name] = "cat /etc/hostname"
        elif name in schema.get("required", []):
            found[name] = simple.get(str(field.get("type")), "x")
    return found


@pytest.mark.parametrize(
    "toolset",
    [
        "auto",
        pytest.param("codex", marks=pytest.mark.prove),
        pytest.param("letta", marks=pytest.mark.prove),
    ],
)
def test_strict_mode_asks_before_every_tool(app_server: AppServer, toolset: str) -> None:
    """Measured, not believed: the model asks for each tool that the server offers it."""

    async def scenario() -> dict[str, list[str]]:
        async with connected(app_server.url, app_server.token) as client:
            agent = await make(client, "strict")
            started = await client.ask("runtime_start", **runtime(agent), mode="strict")
            assert started["success"]
            chosen = {"runtime": runtime(agent), "toolset_preference": toolset}
            assert (await client.ask("update_toolset", **chosen))["success"]
            await said(client, agent, "hello")
            tools = [tool["function"] for tool in app_server.model.requests[-1]["tools"]]
            found = {}
            for tool in tools:
                call = f"tool {tool['name']} {json.dumps(arguments(tool['parameters']))}"
                _, found[tool["name"]] = await said(client, agent, call)
            return found

    found = run_alone(scenario())
    assert len(found) == {"auto": 20, "codex": 17, "letta": 19}[toolset]  # as the page says
    assert toolset != "auto" or found.keys() == TOOLS
    assert [name for name, asked in found.items() if asked != [name]] == []


def test_with_an_empty_list_of_tools_none_runs_in_any_mode(app_server: AppServer) -> None:
    """The gate's second lock: it sends an empty list, so a changed mode lets no tool run either."""

    async def scenario() -> str:
        async with connected(app_server.url, app_server.token) as client:
            agent = await make(client, "unrestricted")
            await client.ask("runtime_start", **runtime(agent), mode="unrestricted")
            call = 'tool Bash {"command": "echo $((40 + 2))", "description": "Add"}'
            text, asked = await said(client, agent, call, client_tool_allowlist=[])
            assert asked == []
            return text

    text = run_alone(scenario())
    assert "Tool not found" in text
    assert "42" not in text


@contextlib.contextmanager
def gate_process(app_server: AppServer, ade: str) -> Iterator[str]:
    """The gate as it runs beside an App Server. Gives its address."""
    port = free_port()
    key = make_token(scope=Scope.READ, rights=[])  # it may only ask
    environment = {
        "GATE_LISTEN": f"{HOST}:{port}",
        "GATE_UPSTREAM": app_server.url,
        "GATE_UPSTREAM_TOKEN": app_server.token,
        "GATE_TOKEN": CONNECTOR,
        "GATE_USER_KEYS": "1",
        "GATE_ADE": ade,
        "GATE_ADE_KEY": key,
    }
    program = start([sys.executable, "-m", "ade.gate"], env=environment)
    try:
        deadline = time.monotonic() + PATIENCE
        while not answers(port):
            assert program.poll() is None
            assert time.monotonic() < deadline
        yield f"{HOST}:{port}"
    finally:
        stop([program])


async def copied(client: Client, name: str, tag: str) -> str:
    """An agent of the App Server that ADE knows too, with this tag."""
    agent_id = await make(client, name)
    row = await sync_to_async(make_agent)(tags=[tag])
    await sync_to_async(Agent.objects.filter(pk=row.pk).update)(public_id=agent_id)
    return agent_id


def test_a_users_key_opens_that_users_agent_only(app_server: AppServer, live: str) -> None:
    token = make_token(limit_tag="user_1")

    async def scenario(gate: str) -> None:
        async with connected(app_server.url, app_server.token) as direct:
            own = await copied(direct, "own", "user_1")
            foreign = await copied(direct, "foreign", "user_2")
            theirs = await direct.ask("conversation_create", body={"agent_id": foreign})
        async with connected(f"ws://{gate}/ws", token) as client:
            listed = await client.ask("agent_list", query={"limit": 1000})
            assert [agent["id"] for agent in listed["agents"]] == [own]
            assert not (await client.ask("runtime_start", **runtime(foreign)))["success"]
            stolen = runtime(own, theirs["conversation"]["id"])
            assert not (await client.ask("runtime_start", **stolen))["success"]
            assert (await client.ask("runtime_start", **runtime(own)))["success"]
            text, _ = await said(client, own, "hello")
            assert text == f"agent={own} said: hello"
            call = 'tool Bash {"command": "echo $((40 + 2))", "description": "Add"}'
            text, asked = await said(client, own, call)
            assert (text.startswith("result:"), "42" in text, asked) == (True, False, [])
            await chat(gate, own, foreign)
            await sync_to_async(change_tags)(agent_id=own, remove=["user_1"], actor=ROOT)
            refused = await client.ask("agent_retrieve", agent_id=own)
            assert refused.get("success") is not True
        async with connected(f"ws://{gate}/ws", CONNECTOR) as connector:
            ids = {agent["id"] for agent in (await connector.ask("agent_list"))["agents"]}
            assert {own, foreign} <= ids

    async def chat(gate: str, own: str, foreign: str) -> None:
        async with httpx.AsyncClient(timeout=PATIENCE) as client:
            for agent_id, status in ((own, 200), (foreign, 404)):
                messages = [{"role": "user", "content": "hello"}]
                answer = await client.post(
                    f"http://{gate}/v1/chat/completions",
                    json={"model": agent_id, "messages": messages},
                    headers={"Authorization": f"Bearer {token}"},
                )
                assert answer.status_code == status
                if status == 200:
                    choice = answer.json()["choices"][0]
                    assert choice["message"]["content"] == f"agent={own} said: hello"

    with gate_process(app_server, live) as gate:
        run_alone(scenario(gate))


def test_no_type_of_frame_reaches_a_foreign_agent(app_server: AppServer) -> None:
    """Every type, sent through the gate to the real server. The foreign agent stays as it was."""

    async def state(direct: Client, agent_id: str) -> list[Any]:
        query = {"agent_id": agent_id}
        return [
            (await direct.ask("agent_retrieve", agent_id=agent_id))["agent"],
            (await direct.ask("conversation_list", query=query))["conversations"],
            (await direct.ask("list_memory", agent_id=agent_id))["entries"],
            (
                await direct.ask(
                    "conversation_messages_list", conversation_id="default", query=query
                )
            )["messages"],
            sorted(str(path) for path in app_server.work.rglob("*")),
        ]

    async def scenario() -> None:
        ade, above = AdeStandIn(), web.Application()
        above.router.add_post("/v1/access/check", ade.check)
        async with (
            connected(app_server.url, app_server.token) as direct,
            served(above) as address,
        ):
            own, foreign = await make(direct, "own"), await make(direct, "foreign")
            theirs = await direct.ask("conversation_create", body={"agent_id": foreign})
            ade.rights = {own: {"read_agent", "read_messages", "write_messages"}}
            before = await state(direct, foreign)
            settings = gate_settings(app_server.http, address, upstream_token=app_server.token)
            async with served(make_app(settings)) as http:
                await send_all(http, own, foreign, theirs["conversation"]["id"])
            assert await state(direct, foreign) == before

    async def send_all(http: str, own: str, foreign: str, conversation: str) -> None:
        url = http.replace("http", "ws", 1)
        async with connected(f"{url}/ws", KEY) as client:
            assert (await client.ask("runtime_start", **runtime(own)))["success"]
            for kind in TYPES:
                for agent, name in ((foreign, "default"), (own, conversation)):
                    answer = await client.raw(json.dumps(filled(kind, agent, name)), "r")
                    text = json.dumps(answer | {"error": ""})
                    assert foreign not in text, kind
                    assert conversation not in text, kind
            assert foreign not in json.dumps(client.others)

    run_alone(scenario())


def test_ades_connector_works_through_the_gate(app_server: AppServer, live: str) -> None:
    with (
        gate_process(app_server, live) as gate,
        connect("app-server", f"ws://{gate}/ws", token=CONNECTOR, networks=LOOPBACK) as connector,
    ):
        block = {"label": "human", "value": "Ann likes tea", "description": "who"}
        fields = {"name": "Ann", "model": MODEL, "tags": ["user_1"], "memory_blocks": [block]}
        made = connector.create(fields, seconds=PATIENCE)
        connector.write_tags(made.id, ["user_1", "vip"], seconds=PATIENCE)
        seen = connector.agent(made.id, seconds=PATIENCE)
        assert sorted(seen.tags) == ["user_1", "vip"]
        assert connector.update(made.id, {"name": "Bea"}, seconds=PATIENCE).fields["name"] == "Bea"
        listed = [agent.id for page in connector.agents(seconds=PATIENCE) for agent in page]
        assert made.id in listed
        blocks = {found.value for found in connector.blocks(made.id, seconds=PATIENCE)}
        assert "Ann likes tea" in blocks
        file = next(b.id for b in connector.blocks(made.id, seconds=PATIENCE) if "tea" in b.value)
        with pytest.raises(Rejected, match="write_memory_file"):
            connector.write_block(made.id, file, {"value": "x"}, seconds=PATIENCE)
        connector.delete(made.id, seconds=PATIENCE)
        with pytest.raises(AgentNotThere):
            connector.agent(made.id, seconds=PATIENCE)
