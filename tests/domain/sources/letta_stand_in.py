"""A small server that behaves as Letta's REST API does in all that ADE asks of it.

Its feed of changes is the list by `updated_at`: tag writes and messages move an agent, deletions do not show.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

Json = dict[str, Any]


class LettaStandIn:
    """The store. `requests` are the paths that were asked for."""

    def __init__(self) -> None:
        self.agents: dict[str, Json] = {}
        self.requests: list[str] = []
        self.url = ""
        self._clock = datetime(2026, 11, 29, tzinfo=UTC)

    def _now(self) -> str:
        self._clock += timedelta(seconds=1)
        return self._clock.isoformat()

    def add(self, *tags: str, name: str = "Ann", **fields: Any) -> str:
        """Make an agent as an outside program does; returns its id."""
        agent_id, now = f"agent-{uuid4()}", self._now()
        self.agents[agent_id] = {
            "id": agent_id, "name": name, "tags": list(tags), "system": "", "description": None,
            "model": "openai/gpt-4o", "created_at": now, "updated_at": now, "blocks": [],
        } | fields  # fmt: skip
        return agent_id

    def write(self, agent_id: str, **fields: Any) -> None:
        """Change fields, and the moment of the last change."""
        self.agents[agent_id] |= fields | {"updated_at": self._now()}

    def tags(self, agent_id: str) -> list[str]:
        """The tags of an agent, as they are kept."""
        return list(self.agents[agent_id]["tags"])

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """The status and the JSON of an answer."""
        parts = urlsplit(path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/v1/health/":
            return 200, {"version": "0.16.8", "status": "ok"}
        if parts.path == "/v1/agents/count":
            return 200, len(self.agents)
        if parts.path == "/v1/agents/":
            return 200, self._page(query)
        agent_id = parts.path.removeprefix("/v1/agents/")
        if agent_id not in self.agents:
            return 404, {"detail": f"Agent with ID {agent_id} not found"}
        if method == "PATCH":
            self.write(agent_id, **json.loads(body))
        return 200, self.agents[agent_id]

    def _page(self, query: dict[str, str]) -> list[Json]:
        key = query.get("order_by", "created_at")
        rows = sorted(self.agents.values(), key=lambda agent: str(agent[key]))
        rows = rows if query.get("order") == "asc" else rows[::-1]
        ids = [agent["id"] for agent in rows]
        start = ids.index(query["after"]) + 1 if query.get("after") in ids else 0
        return rows[start : start + int(query.get("limit", 50))]


@contextmanager
def letta_stand_in() -> Iterator[LettaStandIn]:
    """A running server on a free port."""
    here = LettaStandIn()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            here.requests.append(f"{self.command} {self.path.partition('?')[0]}")
            status, said = here.answer(self.command, self.path, body)
            data = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PATCH = _do  # noqa: N815  # the names that the library calls

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    here.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
