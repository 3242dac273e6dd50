"""Requests to a Letta server, and what its refusals mean."""

import time
from collections.abc import Mapping, Sequence

from agents.net.connectors.address import Networks
from agents.net.connectors.base import (
    AgentNotThere,
    AnswerLost,
    Denied,
    Rejected,
    Unreachable,
    Unreadable,
)
from agents.net.connectors.http import HttpServer, Params, Reply
from agents.net.connectors.letta_answers import names_agent

_LONGEST_PAUSE = 30  # seconds
INCLUDE = ["agent.tags", "agent.blocks"]  # of each agent that is read
_BUSY = {408, 425, 429, 503}
# The path or the method is not there, or the server asks for another protocol.
_NO_API = {404, 405, 406, 410, 426, 501}


class LettaServer:
    """A server with Letta's REST API at `url`, for one thread. See LettaConnector for the rest."""

    def __init__(
        self,
        url: str,
        *,
        token: str | None,
        networks: Networks,
        answer_bytes: int,
        retries: int,
        redirects: int,
    ) -> None:
        self.url = url
        self._http = HttpServer(
            url, token=token, networks=networks, answer_bytes=answer_bytes, redirects=redirects
        )
        self._with_token = token is not None
        self._retries = retries
        # False once the server has refused the parameter.
        self._asks_for_hidden = True

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def get_once(self, path: str, params: Params | None = None, *, seconds: float) -> Reply:
        """Read once, whatever the status is."""
        return self._http.get(path, params, seconds=seconds)

    def list_agents(self, params: Mapping[str, str], seconds: float) -> Reply:
        """Read a page of the list of agents. Its status may be 400 or 422."""
        query: dict[str, str | Sequence[str]] = {**params, "include": INCLUDE}
        if self._asks_for_hidden:
            until = time.monotonic() + seconds
            hidden = query | {"show_hidden_agents": "true"}
            reply = self.try_get("/v1/agents/", hidden, seconds)
            if reply.status not in (400, 422):
                if reply.status != 200:
                    self.raise_for(reply)
                return reply
            without = self.try_get("/v1/agents/", query, max(until - time.monotonic(), 0.001))
            self._asks_for_hidden = without.status != 200
            return without
        return self.try_get("/v1/agents/", query, seconds)

    def get(
        self,
        path: str,
        params: Params | None = None,
        *,
        seconds: float,
        agent_id: str | None = None,
    ) -> Reply:
        """Read. `agent_id` is the agent that a 404 may be about. Raises as `raise_for`."""
        reply = self.try_get(path, params or {}, seconds)
        if reply.status != 200:
            self.raise_for(reply, agent_id)
        return reply

    def try_get(self, path: str, params: Params, seconds: float) -> Reply:
        """Read, again as often as `retries` says while the server is not reached or is busy."""
        for attempt in range(self._retries + 1):
            is_last, pause = attempt == self._retries, 0.5 * 2**attempt
            try:
                reply = self._http.get(path, params, seconds=seconds)
                if is_last or (reply.status < 500 and reply.status not in _BUSY):
                    return reply
                pause = pause if reply.retry_after is None else reply.retry_after
            except Unreachable:
                if is_last:
                    raise
            time.sleep(min(pause, _LONGEST_PAUSE))
        raise AssertionError("the last attempt returns or raises")

    def send(
        self, method: str, path: str, body: object, seconds: float, agent_id: str | None
    ) -> Reply:
        """Write. Raises Rejected, AnswerLost, and as `raise_for`."""
        reply = self._http.send(method, path, body, seconds=seconds)
        if 200 <= reply.status < 300:
            return reply
        said = f"{self.url} answered {reply.status}: {reply.detail}"
        if reply.status >= 500 and reply.status not in (501, 503):
            raise AnswerLost(said)
        if 400 <= reply.status < 500 and reply.status not in {401, 403, 404, 405, 426, *_BUSY}:
            raise Rejected(said)
        self.raise_for(reply, agent_id)
        raise AssertionError("raise_for raises")

    def raise_for(self, reply: Reply, agent_id: str | None = None) -> None:
        """Raise what the status of a refused request means."""
        status, url = reply.status, self.url
        if status in (401, 403):
            what = "refuses the token" if self._with_token else "wants a token"
            raise Denied(f"{url} {what} ({status}).")
        if status == 404 and agent_id is not None and names_agent(reply, agent_id):
            raise AgentNotThere(f"{url} has no agent {agent_id}.")
        if status in _NO_API:
            raise Denied(f"There is no Letta API at {url} ({status}). Check the address.")
        meaning = Unreadable if status == 500 and agent_id is not None else Unreachable
        raise meaning(f"{url} answered {status}: {reply.detail}", reply.retry_after)
