"""Servers to import from: a second ADE with its own database, and a small fake; what came of it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from django.conf import settings

from agents.models import Agent, AgentTag

MODEL = "openai/gpt-4o"


def environment_of(database: Path) -> dict[str, str]:
    """For manage.py on another database."""
    return os.environ | {
        "DATABASE_URL": f"sqlite:///{database}",
        "SECRET_KEY": settings.SECRET_KEY,
        "DJANGO_SETTINGS_MODULE": "ade.settings",
    }


def manage(*arguments: str, environment: dict[str, str]) -> None:
    command = [sys.executable, "manage.py", *arguments]
    subprocess.run(command, cwd=settings.BASE_DIR, env=environment, check=True, capture_output=True)


def new_database(folder: Path, *, agents: int = 0) -> Path:
    """A database of its own, with reference agents."""
    path = folder / "source.sqlite3"
    environment = environment_of(path)
    manage("migrate", "-v0", environment=environment)
    if agents:
        manage("bench_data", "--agents", str(agents), "-v0", environment=environment)
    return path


@dataclass(frozen=True)
class Ade:
    """The second ADE, spoken to as a client does."""

    url: str

    def call(self, method: str, path: str, **more: Any) -> Any:
        response = httpx.request(method, f"{self.url}/v1{path}", timeout=60, **more)
        assert response.status_code == 200, response.text
        return response.json()

    def make(self, name: str = "Nova", **body: Any) -> dict[str, Any]:
        return self.call("POST", "/agents/", json={"name": name, "model": MODEL, **body})

    def edit(self, agent: dict[str, Any], **body: Any) -> None:
        self.call("PATCH", f"/agents/{agent['id']}", json=body)

    def tags(self, agent: dict[str, Any], *, add: Any = (), remove: Any = ()) -> None:
        body = {"add": list(add), "remove": list(remove)}
        self.call("POST", f"/agents/{agent['id']}/tags", json=body)

    def delete(self, agent: dict[str, Any]) -> None:
        self.call("DELETE", f"/agents/{agent['id']}")

    def agents(self) -> list[dict[str, Any]]:
        """All of them, oldest first."""
        found: list[dict[str, Any]] = []
        while page := self.call(
            "GET",
            "/agents/",
            params={"limit": 1000, "order": "asc"} | ({"after": found[-1]["id"]} if found else {}),
        ):
            found += page
        return found

    def empty(self) -> None:
        for agent in self.agents():
            self.delete(agent)


@dataclass
class Call:
    """A request that the fake got."""

    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]


@dataclass
class Reply:
    """What the fake answers. `status` 0 hangs up."""

    body: bytes = b"[]"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Answerer = Callable[[Call], Reply]


@contextmanager
def fake_server(answerer: Answerer) -> Iterator[str]:
    """A server on loopback that answers what the function says; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            reply = answerer(Call(parts.path, parse_qs(parts.query), dict(self.headers)))
            if not reply.status:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def passed_on(call: Call, url: str) -> Reply:
    """What the server at `url` answers to the same call."""
    got = httpx.get(url + call.path, params=call.query, timeout=60)
    return Reply(got.content, got.status_code)


def agent(number: int = 1, **more: Any) -> dict[str, Any]:
    """An agent as a Letta server answers it."""
    return {
        "id": f"agent-00000000-0000-4000-8000-{number:012}",
        "name": f"Agent {number}",
        "created_at": "2025-03-04T05:06:07.000089Z",
        "model": "openai/gpt-4o",
        "tags": [f"user_{number}"],
        "blocks": [],
        **more,
    }


def letta(agents: list[dict[str, Any]]) -> Answerer:
    """A Letta server: where the cursor's agent is gone, it begins again."""

    def answer(call: Call) -> Reply:
        if call.path == "/v1/agents/count":
            return Reply(str(len(agents)).encode())
        ids = [one["id"] for one in agents]
        after = call.query.get("after", [""])[0]
        start = ids.index(after) + 1 if after in ids else 0
        return Reply(json.dumps(agents[start : start + int(call.query["limit"][0])]).encode())

    return answer


def copied() -> dict[str, tuple[str, datetime, list[str]]]:
    """What is here of each agent."""
    tags: dict[int, list[str]] = {}
    for seq, name in AgentTag.objects.order_by("tag__name").values_list("agent_id", "tag__name"):
        tags.setdefault(seq, []).append(name)
    return {
        agent.public_id: (agent.name, agent.created_at, tags.get(agent.seq, []))
        for agent in Agent.objects.all()
    }
