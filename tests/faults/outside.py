"""Servers of agents as outside programs read and write them, and how each of them is killed."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import httpx
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from tests.app_server import MODEL, AppServer

FAILURES = (OSError, TimeoutError, WebSocketException, httpx.HTTPError)
_TRIES = 5  # of a careful program whose write was written over


class Outside(Protocol):
    """A program that reads and writes a server beside ADE. Every call may raise one of FAILURES."""

    name: str

    def make(self, name: str, tags: list[str]) -> str:
        """Make an agent; return its id."""
        ...

    def agents(self) -> dict[str, dict[str, Any]]:
        """All agents of this test, by id."""
        ...

    def agent(self, agent_id: str) -> dict[str, Any]: ...

    def update(self, agent_id: str, **fields: Any) -> None: ...

    def another(self) -> "Outside":
        """The same for another thread."""
        ...

    def interrupt(self) -> None:
        """Kill the server, or its connections, and let it come back."""
        ...

    def close(self) -> None: ...


def retag(there: Outside, agent_id: str, *, add: str = "", remove: str = "") -> bool:
    """Change one tag as a careful program does: write, read, and write again if it is not so.

    False if others kept writing over it.
    """
    for _ in range(_TRIES):
        tags = [str(tag) for tag in there.agent(agent_id)["tags"]]
        if (not add or add in tags) and (not remove or remove not in tags):
            return True
        wanted = [tag for tag in tags if tag != remove]
        there.update(agent_id, tags=wanted + ([add] if add and add not in wanted else []))
    return False


class OutsideAppServer:
    """A connection of one thread to a real App Server."""

    name = "app"

    def __init__(self, server: AppServer) -> None:
        self._server = server
        self._socket: ClientConnection | None = None

    def another(self) -> "OutsideAppServer":
        """A connection for another thread."""
        return OutsideAppServer(self._server)

    def make(self, name: str, tags: list[str]) -> str:
        body = {"name": name, "tags": tags, "model": MODEL, "system": "S"}
        return str(self._ask("agent_create", body=body)["agent"]["id"])

    def agents(self) -> dict[str, dict[str, Any]]:
        found = self._ask("agent_list", query={"limit": 10**9})["agents"]
        return {agent["id"]: agent for agent in found}

    def agent(self, agent_id: str) -> dict[str, Any]:
        return dict(self._ask("agent_retrieve", agent_id=agent_id)["agent"])

    def update(self, agent_id: str, **fields: Any) -> None:
        self._ask("agent_update", agent_id=agent_id, body=fields)

    def delete_all(self) -> None:
        """Delete all agents."""
        for agent_id in self.agents():
            self._ask("agent_delete", agent_id=agent_id)

    def interrupt(self) -> None:
        self._server.kill()
        self._server.start()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def _ask(self, kind: str, **fields: Any) -> dict[str, Any]:
        if self._socket is None:
            headers = {"Authorization": f"Bearer {self._server.token}"}
            self._socket = connect(
                self._server.url, additional_headers=headers, max_size=None, open_timeout=20
            )
        try:
            self._socket.send(json.dumps({"type": kind, "request_id": "r", **fields}))
            while True:
                answer = json.loads(self._socket.recv(60))
                if answer.get("type") == f"{kind}_response":
                    assert answer["success"], answer
                    return dict(answer)
        except FAILURES:
            self._socket.close()
            self._socket = None
            raise


class OutsideLetta:
    """A real Letta 0.16, of which this test uses only agents with its own tag.

    ADE reaches it through a relay. Others use the server too, so connections are cut, not the server.
    """

    name = "letta"

    def __init__(self, url: str, mark: str, opened: threading.Event) -> None:
        self.url, self.mark, self._opened = url, mark, opened
        self._http = httpx.Client(base_url=url, timeout=60)

    def another(self) -> "OutsideLetta":
        return OutsideLetta(self.url, self.mark, self._opened)

    def make(self, name: str, tags: list[str]) -> str:
        models = {"model": "letta/letta-free", "embedding": "letta/letta-free"}
        body = {"name": name, "tags": [self.mark, *tags], **models}
        return str(self._json("POST", "/v1/agents/", json=body)["id"])

    def agents(self) -> dict[str, dict[str, Any]]:
        params = {"tags": self.mark, "limit": 1000}
        return {agent["id"]: agent for agent in self._json("GET", "/v1/agents/", params=params)}

    def agent(self, agent_id: str) -> dict[str, Any]:
        return dict(self._json("GET", f"/v1/agents/{agent_id}"))

    def update(self, agent_id: str, **fields: Any) -> None:
        self._json("PATCH", f"/v1/agents/{agent_id}", json=fields)

    def delete(self, agent_id: str) -> None:
        self._json("DELETE", f"/v1/agents/{agent_id}")

    def interrupt(self) -> None:
        self._opened.clear()
        time.sleep(1)  # the length of the fault
        self._opened.set()

    def close(self) -> None:
        self._http.close()

    def _json(self, method: str, path: str, **more: Any) -> Any:
        return self._http.request(method, path, **more).raise_for_status().json()


@contextmanager
def cleared(letta: OutsideLetta) -> Iterator[OutsideLetta]:
    """Delete this test's agents afterwards."""
    try:
        yield letta
    finally:
        letta = letta.another()
        for agent_id in letta.agents():
            letta.delete(agent_id)
        letta.close()
