"""A small server that behaves as an App Server does in all that ADE asks of it, with switches to be bad.

It speaks over a real WebSocket. `agents` is its store; tests write to it as outside programs do. It keeps
tags as they are sent, has no compare-and-set, never lists hidden agents, and tells nobody of changes.
"""

import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from socket import SHUT_RDWR
from typing import Any
from uuid import uuid4

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

Json = dict[str, Any]
HOST = "127.0.0.1"


class StandIn:
    """The server's store and switches.

    `before` and `after` are called around each request with its type and agent id: to write in between,
    to wait, or to raise `Drop`, which breaks the connection before or after the request is carried out.
    """

    def __init__(self) -> None:
        self.agents: dict[str, Json] = {}
        self.lock = threading.RLock()
        self.requests: list[str] = []
        self.before: Callable[[str, str], None] = lambda kind, agent_id: None
        self.after: Callable[[str, str], None] = lambda kind, agent_id: None
        self.url = ""

    def add(self, *tags: str, name: str = "Ann", **fields: Any) -> str:
        """Make an agent as an outside program does; returns its id."""
        agent_id = fields.pop("id", f"agent-local-{uuid4()}")
        with self.lock:
            self.agents[agent_id] = {
                "id": agent_id,
                "name": name,
                "description": None,
                "system": "You are Ann.",
                "tools": [],
                "tags": list(tags),
                "model": "openai-compatible/gpt-4o",
                "model_settings": {"provider_type": "openai-compatible"},
                "llm_config": {"model": "gpt-4o", "model_endpoint_type": "openai"},
                "message_ids": [],
                "last_run_completion": "2026-11-29T10:58:56.579Z",
            } | fields
        return agent_id

    def tags(self, agent_id: str) -> list[str]:
        """The tags of an agent, as they are kept."""
        with self.lock:
            return list(self.agents[agent_id]["tags"])

    def retag(self, agent_id: str, *, add: str | None = None, remove: str | None = None) -> None:
        """Change tags as a careful outside program does."""
        with self.lock:
            tags = [tag for tag in self.agents[agent_id]["tags"] if tag != remove]
            self.agents[agent_id]["tags"] = tags + ([add] if add and add not in tags else [])

    def writes(self) -> int:
        """How often an agent was written by requests."""
        return self.requests.count("agent_update")

    # --- Answers ----------------------------------------------------------------------------

    def answer(self, frame: Json) -> Json:
        """The answer to a request."""
        kind, agent_id = frame["type"], str(frame.get("agent_id", ""))
        self.requests.append(kind)
        self.before(kind, agent_id)
        with self.lock:
            said = self._answer(kind, agent_id, frame)
            text = json.dumps(said)  # as it is now, whatever is written before it is sent
        self.after(kind, agent_id)
        return json.loads(text) | {"type": f"{kind}_response", "request_id": frame["request_id"]}

    def _answer(self, kind: str, agent_id: str, frame: Json) -> Json:
        if kind == "app_server_info":
            capabilities = {"agent_management": True, "memory_management": True}
            return {
                "success": True, "backend": "local", "letta_code_version": "0.34.12",
                "protocol_version": 1, "capabilities": capabilities,
            }  # fmt: skip
        if kind == "agent_list":
            listed = [agent for agent in self.agents.values() if not is_hidden(agent)]
            return {"success": True, "agents": listed}
        if kind == "agent_create":
            made = self.add(**{"name": "Letta Code"} | frame["body"])
            return {"success": True, "agent": self.agents[made]}
        if kind == "list_memory":
            return {"success": True, "entries": self._memory(agent_id)}
        if agent_id not in self.agents:
            return {"success": False, "error": f"Agent {agent_id} not found"}
        if kind == "agent_update":
            self.agents[agent_id] |= frame["body"]
        if kind == "agent_delete":
            del self.agents[agent_id]
            return {"success": True, "agent_id": agent_id}
        return {"success": True, "agent": self.agents[agent_id]}

    def _memory(self, agent_id: str) -> list[Json]:
        """The memory files that `memory_blocks` made."""
        return [
            {
                "relative_path": f"{block['label']}.md", "kind": "markdown",
                "content": block["value"], "description": block.get("description"),
            }
            for block in self.agents.get(agent_id, {}).get("memory_blocks", [])
        ]  # fmt: skip


class Drop(Exception):
    """Break the connection now."""


def is_hidden(agent: Json) -> bool:
    """True if the server would not list this agent."""
    return bool(agent.get("hidden", "role:subagent" in agent["tags"]))


@contextmanager
def stand_in() -> Iterator[StandIn]:
    """A running server on a free port."""
    here = StandIn()

    def speak(connection: ServerConnection) -> None:
        try:
            for text in connection:
                connection.send(json.dumps(here.answer(json.loads(text))))
        except ConnectionClosed:
            pass
        except Drop:
            with suppress(OSError):
                connection.socket.shutdown(SHUT_RDWR)

    # Broken connections are meant; what the library says of them is no news.
    quiet = logging.getLogger("stand-in")
    quiet.setLevel(logging.CRITICAL)
    server: Server = serve(speak, HOST, 0, logger=quiet)
    here.url = f"ws://{HOST}:{server.socket.getsockname()[1]}/ws"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        thread.join()
