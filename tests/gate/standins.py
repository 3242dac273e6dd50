"""What stands on both sides of the gate in its tests: an App Server that records, and an ADE with a table."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from ade.gate.server import make_app
from ade.gate.settings import Settings
from tests.app_server import run_alone

Frame = dict[str, Any]

OWN = "agent-local-00000000-0000-4000-8000-000000000001"
FOREIGN = "agent-local-00000000-0000-4000-8000-000000000002"
OWN_CONVERSATION, FOREIGN_CONVERSATION = "local-conv-1", "local-conv-2"
CONVERSATIONS = {OWN_CONVERSATION: OWN, FOREIGN_CONVERSATION: FOREIGN}
KEY, CONNECTOR, UPSTREAM = "ade_0123456789ab_user", "c" * 32, "u" * 32
CLIENT_SIDE, PAGE = "ade_ct0123456789ab_token", "https://page.example"  # works from there only
ALL_RIGHTS = {"read_agent", "write_agent", "read_messages", "write_messages"}
SECONDS = 60  # for whatever is awaited

# The fields that a frame made for a user may have, and those of the objects within it.
FOR_USERS: dict[str, set[str]] = {
    "agent_list": {"query.limit", "query.tags", "query.query_text"},
    "agent_retrieve": {"agent_id"},
    "conversation_list": {"query.agent_id", "query.limit", "query.after"},
    "conversation_retrieve": {"conversation_id"},
    "conversation_create": {"body.agent_id", "body.summary", "body.hidden"},
    "conversation_messages_list": {
        *("conversation_id", "query.agent_id", "query.limit", "query.order"),
        *("query.before", "query.after"),
    },
    "runtime_start": {
        *("agent_id", "conversation_id", "mode"),
        *("preserve_skill_sources", "force_device_status", "recover_approvals"),
    },
    "input": {
        *("runtime.agent_id", "runtime.conversation_id", "payload.kind", "payload.messages"),
        *("payload.client_tool_allowlist", "payload.exclude_interactive_tools"),
        *("payload.request_id", "payload.decision.behavior", "payload.decision.message"),
    },
    "abort_message": {"runtime.agent_id", "runtime.conversation_id"},
}


def paths(frame: Frame, before: str = "") -> set[str]:
    """The fields of a frame, as `query.limit`."""
    found: set[str] = set()
    for name, value in frame.items():
        found |= paths(value, f"{before}{name}.") if isinstance(value, dict) else {before + name}
    return found


def forbidden(frame: Frame) -> str | None:
    """Why a user's gate must not have sent this frame."""
    kind, text = frame["type"], json.dumps(frame)
    if kind not in FOR_USERS:
        return "type"
    if more := paths(frame) - FOR_USERS[kind] - {"type", "request_id"}:
        return f"fields {more}"
    if FOREIGN in text or (FOREIGN_CONVERSATION in text and kind != "conversation_retrieve"):
        return "a foreign id"
    if kind == "runtime_start" and frame["mode"] != "strict":
        return "mode"
    payload = frame.get("payload", {})
    if payload.get("kind") == "approval_response":
        return None if payload["decision"]["behavior"] == "deny" else "approval"
    if kind == "input":
        if payload["kind"] != "create_message" or payload["client_tool_allowlist"] != []:
            return "payload"
        if [m["role"] for m in payload["messages"]] != ["user"]:
            return "role"
    return None


@dataclass
class AppServerStandIn:
    """Answers as the App Server does, and records what it was sent."""

    seen: list[Frame] = field(default_factory=list)
    wrong: list[tuple[str, Frame]] = field(default_factory=list)
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    judge: Callable[[Frame], str | None] = forbidden
    silent: bool = False
    stop_reason: str | None = "end_turn"  # None: turns do not end

    async def serve(self, request: web.Request) -> web.StreamResponse:
        assert request.headers["Authorization"] == f"Bearer {UPSTREAM}"
        socket = web.WebSocketResponse(max_msg_size=0, compress=False)
        await socket.prepare(request)
        self.sockets.append(socket)
        async for message in socket:
            frame = json.loads(message.data)
            self.seen.append(frame)
            if why := self.judge(frame):
                self.wrong.append((why, frame))
            if not self.silent:
                for answer in self.answers(frame):
                    await socket.send_json(answer)
        return socket

    def answers(self, frame: Frame) -> list[Frame]:
        kind, name = frame["type"], frame.get("request_id")
        base: Frame = {"type": f"{kind}_response", "request_id": name, "success": True}
        agents = [agent(OWN), agent(FOREIGN)]
        found = {item["id"]: item for item in agents}.get(frame.get("agent_id", ""))
        conversations = [conversation(item) for item in CONVERSATIONS]
        if kind == "agent_list":
            return [base | {"agents": agents}]
        if kind == "agent_retrieve":
            return [base | {"agent": found, "success": found is not None}]
        if kind == "conversation_list":
            return [base | {"conversations": conversations}]  # it filters worse than the real one
        if kind == "conversation_retrieve":
            known = frame["conversation_id"] in CONVERSATIONS
            found = conversation(frame["conversation_id"]) if known else None
            return [base | {"conversation": found, "success": known}]
        if kind == "conversation_create":
            return [base | {"conversation": conversation(OWN_CONVERSATION) | {"system": "secret"}}]
        if kind == "conversation_messages_list":
            messages = [{"message_type": "system_message"}, {"message_type": "user_message"}]
            return [base | {"messages": messages, "next_before": None, "has_more": False}]
        if kind == "runtime_start":
            runtime = {"agent_id": frame["agent_id"], "conversation_id": frame["conversation_id"]}
            device = {"type": "update_device_status", "runtime": runtime, "device_status": {}}
            return [base | {"runtime": runtime, "agent": found}, device]
        if kind == "input" and frame["payload"]["kind"] == "create_message":
            accepted = {"type": "input_accepted", "request_id": name, "accepted": True}
            return [
                accepted | {"disposition": "started"},
                *turn(frame["runtime"], self.stop_reason),
            ]
        if kind == "input":
            return [{"type": "input_accepted", "request_id": name, "accepted": True}]
        return [base]

    async def push(self, *frames: Frame) -> None:
        """Send frames that nobody asked for to every open connection."""
        for socket in self.sockets:
            for frame in frames:
                if not socket.closed:
                    await socket.send_json(frame)


def agent(agent_id: str) -> Frame:
    return {"id": agent_id, "name": "a", "tags": [], "system": "secret", "llm_config": {}}


def conversation(name: str) -> Frame:
    return {"id": name, "agent_id": CONVERSATIONS[name], "summary": None, "in_context": []}


def runtime(agent_id: str = OWN, conversation_id: str = "default") -> Frame:
    return {"agent_id": agent_id, "conversation_id": conversation_id}


def delta(text: str, scope: Frame) -> Frame:
    content = [{"type": "text", "text": text}]
    said = {"message_type": "assistant_message", "content": content}
    return {"type": "stream_delta", "runtime": scope, "delta": said}


def turn(scope: Frame, stop_reason: str | None) -> list[Frame]:
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    counted = {"message_type": "usage_statistics", **usage}
    said = [
        delta("Hello ", scope),
        delta("you", scope),
        {"type": "stream_delta", "runtime": scope, "delta": counted},
    ]
    end = {"type": "turn_finished", "runtime": scope, "stop_reason": stop_reason}
    return said if stop_reason is None else [*said, end]


@dataclass
class AdeStandIn:
    """Answers `/v1/access/check` from a table. `status` other than 200 is an error, 0 is silence."""

    rights: dict[str, set[str]] = field(default_factory=lambda: {OWN: set(ALL_RIGHTS)})
    key_works: bool = True
    status: int = 200
    asked: int = 0

    async def check(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer ade_gate"
        body = await request.json()
        self.asked += 1
        if self.status == 0:
            await asyncio.sleep(SECONDS)
        if self.status != 200:
            return web.json_response({"detail": "no"}, status=self.status)
        good = body["token"] == KEY or (body["token"], body["origin"]) == (CLIENT_SIDE, PAGE)
        if not good or not self.key_works:
            no = {"allowed": False, "because": "unknown_key"}
            return web.json_response({"caller": None, "results": [no for _ in body["checks"]]})
        results = [
            {"allowed": c["right"] in self.rights.get(c["agent_id"], ())} for c in body["checks"]
        ]
        caller = body["token"].rpartition("_")[0].replace("ade_", "key:")
        return web.json_response({"caller": caller, "results": results})


@dataclass
class World:
    """A running gate between its stand-ins."""

    app_server: AppServerStandIn
    ade: AdeStandIn
    http: str
    session: aiohttp.ClientSession

    @asynccontextmanager
    async def client(self, token: str | None = KEY, **headers: str) -> AsyncIterator["Client"]:
        more = {"Authorization": f"Bearer {token}"} if token else {}
        async with self.session.ws_connect(
            f"{self.http}/ws",
            headers=more | headers,
            max_msg_size=0,
            timeout=aiohttp.ClientWSTimeout(ws_close=1),
        ) as socket:
            yield Client(socket)


class Client:
    """A client of the gate."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.others: list[Frame] = []  # frames that answered nothing

    async def ask(self, kind: str, **fields: Any) -> Frame:
        return await self.raw(json.dumps({"type": kind, "request_id": kind, **fields}), kind)

    async def raw(self, text: str, name: str) -> Frame:
        await self.socket.send_str(text)
        return await self.until(lambda frame: frame.get("request_id") == name)

    async def until(self, wanted: Callable[[Frame], bool]) -> Frame:
        while True:
            message = await self.socket.receive(SECONDS)
            if message.type is not aiohttp.WSMsgType.TEXT:
                return {"closed": self.socket.close_code}
            frame: Frame = json.loads(message.data)
            if wanted(frame):
                return frame
            self.others.append(frame)

    async def closed(self) -> int | None:
        """Wait for the end of the connection and return its code."""
        return (await self.until(lambda _: False))["closed"]

    async def start(self, conversation_id: str = "default") -> Frame:
        return await self.ask("runtime_start", **runtime(conversation_id=conversation_id))

    async def say(self, content: Any = "Hi", **scope: Any) -> Frame:
        payload = {"kind": "create_message", "messages": [{"role": "user", "content": content}]}
        return await self.ask("input", runtime=runtime(**scope), payload=payload)


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    """Run an application on a free port; gives its address."""
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def world(**settings: Any) -> AsyncIterator[World]:
    """A gate with users' keys and the connector, between two stand-ins."""
    app_server, ade = AppServerStandIn(), AdeStandIn()
    below, above = web.Application(), web.Application()
    below.router.add_get("/ws", app_server.serve)
    above.router.add_post("/v1/access/check", ade.check)
    async with (
        served(below) as upstream,
        served(above) as address,
        served(make_app(gate_settings(upstream, address, **settings))) as http,
        aiohttp.ClientSession() as session,
    ):
        yield World(app_server, ade, http, session)


def gate_settings(upstream: str, ade: str, **more: Any) -> Settings:
    known: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": 0,
        "upstream": f"{upstream.replace('http', 'ws', 1)}/ws",
        "upstream_token": UPSTREAM,
        "connector_token": CONNECTOR,
        "user_keys": True,
        "ade": ade,
        "ade_key": "ade_gate",
        "origins": frozenset({"https://chat.example"}),
        "tools": (),
    }
    return Settings(**known | more)


def run(scenario: Callable[[World], Awaitable[None]], **settings: Any) -> None:
    """Run a scenario in a world of its own. Nothing forbidden may have reached the App Server."""

    async def main() -> None:
        async with world(**settings) as made:
            await scenario(made)
            assert made.app_server.wrong == []

    run_alone(main())
