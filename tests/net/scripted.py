"""Servers for tests that misbehave as told: a small Letta, and one that answers a connection by hand."""

import json
import re
import select
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass
class Asked:
    """A request."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any


@dataclass
class Reply:
    """An answer. `status` 0 hangs up without one."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Letta:
    """A Letta server with the agents in `agents`.

    `instead` may answer in its place. `hides_answer` does what was asked and then hangs up.
    """

    url: str = ""
    agents: dict[str, dict[str, Any]] = field(default_factory=dict)
    # Memory blocks whose agents were deleted: a Letta server keeps them.
    loose: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    instead: Callable[[Asked], Reply | None] = lambda asked: None
    hides_answer: Callable[[Asked], bool] = lambda asked: False

    def make(self, name: str = "Nova", **more: Any) -> dict[str, Any]:
        """Make an agent there, as another program would."""
        return self._make({"name": name, "tags": [], "model": "openai/gpt-4o", **more})

    def writes(self) -> list[tuple[str, str]]:
        """The methods and paths of all writes."""
        return [(one.method, one.path) for one in self.asked if one.method != "GET"]

    def answer(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        found = self.instead(asked) or self._answer(asked)
        return Reply(0) if self.hides_answer(asked) else found

    def _answer(self, asked: Asked) -> Reply:
        path = asked.path.rstrip("/")
        if path == "/v1/health":
            return Reply(body={"version": "0.16.8", "status": "ok"})
        if path == "/v1/agents/count":
            return Reply(body=len(self.agents))
        if path == "/v1/agents":
            return Reply(
                body=self._list(asked) if asked.method == "GET" else self._make(asked.body)
            )
        if path == "/v1/blocks":
            return self._blocks(asked)
        if block := re.fullmatch(r"/v1/blocks/([^/]+)(/agents)?", path):
            return self._block(asked, unquote(block[1]), agents=bool(block[2]))
        if path == "/v1/agents/import":
            return Reply(body={"agent_ids": [self._import(asked.body)]})
        if move := re.fullmatch(r"/v1/agents/(.+)/core-memory/blocks/(attach|detach)/(.+)", path):
            return self._move(*move.groups())
        match = re.fullmatch(r"/v1/agents/([^/]+)(/core-memory/blocks|/export)?", path)
        agent = self.agents.get(unquote(match[1])) if match else None
        if match is None:
            return Reply(404, {"detail": "Not Found"})
        if agent is None:
            return Reply(404, {"detail": f"Agent with ID {unquote(match[1])} not found"})
        if match[2] == "/export":
            own = {name: value for name, value in agent.items() if name != "blocks"}
            return Reply(body={"agents": [own], "blocks": agent["blocks"]})
        if match[2]:
            return Reply(body=agent["blocks"])
        if asked.method == "DELETE":
            del self.agents[agent["id"]]
            self.loose |= {block["id"]: block for block in agent["blocks"]}
            return Reply(body={"message": "successfully deleted"})
        if asked.method == "PATCH":
            given = {name: value for name, value in asked.body.items() if value is not None}
            agent.update(given, updated_at=_now())
        return Reply(body=agent)

    def _list(self, asked: Asked) -> list[dict[str, Any]]:
        key = asked.query.get("order_by", ["created_at"])[0]
        newest = asked.query.get("order", ["desc"])[0] == "desc"
        found = sorted(self.agents.values(), key=lambda agent: agent[key], reverse=newest)
        ids = [agent["id"] for agent in found]
        after = asked.query.get("after", [""])[0]
        start = ids.index(after) + 1 if after in ids else 0
        return found[start : start + int(asked.query.get("limit", ["50"])[0])]

    def _make(self, body: dict[str, Any]) -> dict[str, Any]:
        now = _now()
        blocks = [{"id": f"block-{uuid.uuid4()}", **b} for b in body.get("memory_blocks", [])]
        agent = {
            "id": f"agent-{uuid.uuid4()}",
            "description": None,
            "system": "",
            "hidden": None,
            "metadata": {},
            "blocks": blocks,
            "created_at": now,
            "updated_at": now,
            **{k: v for k, v in body.items() if k != "memory_blocks"},
        }
        self.agents[agent["id"]] = agent
        return agent

    def _import(self, file: Any) -> str:
        given = {k: v for k, v in file["agents"][0].items() if k not in ("id", "created_at")}
        blocks = [{k: v for k, v in block.items() if k != "id"} for block in file["blocks"]]
        return str(self._make({**given, "updated_at": _now(), "memory_blocks": blocks})["id"])

    def _every_block(self) -> dict[str, dict[str, Any]]:
        had = {b["id"]: b for agent in self.agents.values() for b in agent["blocks"]}
        return self.loose | had

    def _blocks(self, asked: Asked) -> Reply:
        if asked.method == "POST":
            block = {"id": f"block-{uuid.uuid4()}", **asked.body}
            self.loose[block["id"]] = block
            return Reply(body=block)
        label = asked.query.get("label", [""])[0]
        return Reply(body=[b for b in self._every_block().values() if b["label"] == label])

    def _move(self, agent_id: str, way: str, block_id: str) -> Reply:
        """Attach or detach a block. An agent has each label once."""
        agent, block = self.agents.get(agent_id), self._every_block().get(block_id)
        if agent is None or block is None:
            return Reply(404, {"detail": f"{agent_id if agent is None else block_id} not found"})
        others = [b for b in agent["blocks"] if b["id"] != block_id]
        if way == "attach" and block["label"] in [b["label"] for b in others]:
            return Reply(409, {"detail": "unique_label_per_agent"})
        self.loose[block_id] = block
        agent["blocks"] = [*others, block] if way == "attach" else others
        agent["updated_at"] = _now()
        return Reply(body=agent)

    def _block(self, asked: Asked, block_id: str, *, agents: bool) -> Reply:
        having = [a for a in self.agents.values() if block_id in [b["id"] for b in a["blocks"]]]
        if block_id in self.loose and not having and not agents:
            gone = asked.method == "DELETE"
            return Reply(body=self.loose.pop(block_id) if gone else self.loose[block_id])
        if not having and not (agents and block_id in self.loose):
            return Reply(404, {"detail": f"Block {block_id} not found"})
        if agents:
            return Reply(body=having)
        block = next(b for b in having[0]["blocks"] if b["id"] == block_id)
        block.update(asked.body or {})
        return Reply(body=block)


def _json_in(body: bytes) -> Any:
    """The JSON of a body, or of the file of a form."""
    if not body.startswith(b"--"):
        return json.loads(body) if body else None
    parts = body.split(body.split(b"\r\n", 1)[0])
    file = next(part for part in parts if b"filename=" in part)
    return json.loads(file.split(b"\r\n\r\n", 1)[1])


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


@contextmanager
def letta_server() -> Iterator[Letta]:
    """A small Letta server on a free port of loopback."""
    about = Letta()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked = Asked(
                self.command,
                parts.path,
                parse_qs(parts.query),
                {name.lower(): value for name, value in self.headers.items()},
                _json_in(body),
            )
            reply = about.answer(asked)
            if not reply.status:
                self.close_connection = True
                return
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(OSError):  # who hangs up early is a part of some tests
                self.wfile.write(body)

        do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815  # the names of http.server

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    about.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield about
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def by_hand(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server whose every connection is given to `answer` in a thread; its port."""
    server = socket.create_server(("127.0.0.1", 0))
    opened: list[socket.socket] = []

    def one(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            answer(connection)

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            opened.append(connection)
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()
        for connection in opened:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        thread.join()


@contextmanager
def relay(url: str) -> Iterator[tuple[str, threading.Event]]:
    """A relay in front of the server: its address, and whether it is open."""
    target = urlsplit(url)
    opened = threading.Event()
    opened.set()

    def pass_on(client: socket.socket) -> None:
        if not opened.is_set():
            return
        with socket.create_connection((target.hostname or "", target.port or 80)) as server:
            while opened.is_set():
                ready, _, _ = select.select([client, server], [], [], 0.05)
                for one, other in ((client, server), (server, client)):
                    if one in ready:
                        if not (data := one.recv(65536)):
                            return
                        other.sendall(data)

    with by_hand(pass_on) as port:
        yield f"http://127.0.0.1:{port}", opened
