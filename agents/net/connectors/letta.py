"""Letta's REST API: self-hosted 0.16 servers, Letta Cloud, and another ADE."""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Self
from urllib.parse import quote

import msgspec

from agents.core.limits import SOURCE_ANSWER
from agents.net.connectors.address import Networks
from agents.net.connectors.answers import (
    json_bytes,
)
from agents.net.connectors.base import (
    About,
    AgentNotThere,
    AnswerLost,
    Denied,
    Rejected,
    SeenAgent,
    SeenBlock,
    Unreachable,
    Unread,
)
from agents.net.connectors.http import Upload
from agents.net.connectors.letta_answers import (
    agents_of,
    block_of,
    blocks_of,
    is_older,
    moment,
    names_agent,
    one_agent,
    text_of,
    written_block,
)
from agents.net.connectors.letta_http import INCLUDE, LettaServer

_PAGE = 200  # agents
_HEAD = 20  # agents of the first page of the feed: usually nothing changed
_SHARERS = 100  # agents that share a block
_CURSORS_GONE = 100  # agents that change while the feed is read
_FIRST_PAGE_AGAIN = 5  # cursors that are gone, in a row

Batch = list[SeenAgent | Unread]


class LettaConnector:
    """A server with Letta's REST API at `url`, whose normal form `source_address` gives.

    `retries` is how often a read is sent again after Unreachable, with growing pauses.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None,
        networks: Networks,
        answer_bytes: int = SOURCE_ANSWER,
        page_size: int = _PAGE,
        retries: int = 0,
        redirects: int = 0,
    ) -> None:
        self._server = LettaServer(
            url,
            token=token,
            networks=networks,
            answer_bytes=answer_bytes,
            retries=retries,
            redirects=redirects,
        )
        self._url = url
        self._page_size = page_size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    def about(self, *, seconds: float) -> About:
        """See Connector. A list is read too: /v1/health/ answers without a token."""
        until = _until(seconds)
        health = self._server.get("/v1/health/", seconds=_left(until))
        version = text_of(health, "version")
        self._page({"limit": "1"}, _left(until))
        agents = self.count(seconds=_left(until))
        words = f"Letta API {version}" if version else "Letta API"
        if agents is not None:
            words += f", {agents:,} {'agent' if agents == 1 else 'agents'}"
        return About(kind="letta", version=version, words=words, agents=agents)

    def count(self, *, seconds: float) -> int | None:
        """Return the number of agents, or None if the server does not say."""
        reply = self._server.try_get("/v1/agents/count", {}, seconds)
        text = bytes(reply.content[:100]).strip()
        if reply.status == 200 and text.isdigit() and len(text) < 16:
            return int(text)
        if reply.status not in (200, 404, 405, 422):
            self._server.raise_for(reply)
        return None

    def agents(self, *, seconds: float) -> Iterator[Batch]:
        """See Connector. Oldest first, so that agents made meanwhile come too."""
        order: dict[str, str] = {"order": "asc", "order_by": "created_at"}
        first: str | None = None
        cursors: list[str] = []
        seen: set[str] = set()
        again = 0
        while page := self._page(
            order | {"limit": str(self._page_size)} | ({"after": cursors[-1]} if cursors else {}),
            seconds,
        ):
            ids = [agent.id for agent in page if agent.id is not None]
            if not ids:
                raise Denied(f"{self._url} lists agents without IDs, so no page can follow.")
            if cursors and ids[0] == first:
                # A Letta server begins again where the agent it shall go on after is gone.
                cursors.pop()
                again += 1
                if again > _FIRST_PAGE_AGAIN or not cursors:
                    raise Unreachable(f"{self._url} gives its first page again and again.")
                continue
            first, cursors, again = first or ids[0], ids, 0
            yield [agent for agent in page if agent.id is None or agent.id not in seen]
            seen.update(ids)

    def changed(self, since: str | None, *, seconds: float) -> Iterator[Batch] | None:
        """See Connector. None where the server cannot order by the time of the last change."""
        order = {"order": "desc", "order_by": "updated_at"}
        reply = self._server.list_agents(order | {"limit": str(_HEAD)}, seconds)
        if reply.status in (400, 422):
            return None
        if reply.status != 200:
            self._server.raise_for(reply)
        return self._feed(agents_of(reply, self._url), order, moment(since), seconds)

    def _feed(
        self, page: Batch, order: Mapping[str, str], since: datetime | None, seconds: float
    ) -> Iterator[Batch]:
        seen: dict[str, None] = {}  # in the order of the feed
        cursors: list[str] = []
        size, dropped = _HEAD, 0
        while page:
            new = [a for a in page if a.id not in seen and not is_older(a, since)]
            if new:
                yield new
            ids = [agent.id for agent in page if agent.id is not None]
            if len(page) < size or not ids or any(is_older(agent, since) for agent in page):
                return
            fresh = [public_id for public_id in ids if public_id not in seen]
            seen.update(dict.fromkeys(fresh))
            cursors += fresh
            if not fresh:
                # The cursor's agent has changed and is at the head now, and so is what follows it.
                cursors.pop()
                dropped += 1
                if not cursors or dropped > _CURSORS_GONE:
                    raise Unreachable(f"{self._url} gives the same page again and again.")
            size = self._page_size
            page = self._page({**order, "limit": str(size), "after": cursors[-1]}, seconds)

    def agent(self, agent_id: str, *, seconds: float) -> SeenAgent:
        """See Connector."""
        reply = self._server.get(
            _path(agent_id), {"include": INCLUDE}, seconds=seconds, agent_id=agent_id
        )
        return one_agent(reply, self._url, agent_id)

    def write_tags(self, agent_id: str, tags: Sequence[str], *, seconds: float) -> None:
        """See Connector."""
        self._server.send("PATCH", _path(agent_id), {"tags": list(tags)}, seconds, agent_id)

    def create(self, fields: Mapping[str, Any], *, seconds: float) -> SeenAgent:
        """See Connector."""
        reply = self._server.send("POST", "/v1/agents/", dict(fields), seconds, None)
        try:
            return one_agent(reply, self._url, None)
        except (Denied, Unreachable) as error:
            raise AnswerLost(str(error)) from error

    def update(self, agent_id: str, fields: Mapping[str, Any], *, seconds: float) -> SeenAgent:
        """See Connector."""
        until = _until(seconds)
        self._server.send("PATCH", _path(agent_id), dict(fields), _left(until), agent_id)
        try:  # the answer to PATCH carries tags and blocks only for some versions and clients
            return self.agent(agent_id, seconds=_left(until))
        except (Unreachable, AgentNotThere) as error:
            raise AnswerLost(str(error)) from error

    def delete(self, agent_id: str, *, seconds: float) -> None:
        """See Connector."""
        self._server.send("DELETE", _path(agent_id), None, seconds, agent_id)

    def blocks(self, agent_id: str, *, seconds: float) -> list[SeenBlock]:
        """See Connector."""
        path = f"{_path(agent_id)}/core-memory/blocks"
        return blocks_of(
            self._server.get(path, {"limit": "1000"}, seconds=seconds, agent_id=agent_id), self._url
        )

    def write_block(
        self, agent_id: str, block_id: str, fields: Mapping[str, Any], *, seconds: float
    ) -> SeenBlock:
        """See Connector."""
        until = _until(seconds)
        if block_id not in {block.id for block in self.blocks(agent_id, seconds=_left(until))}:
            raise Rejected(f"The agent has no memory block {block_id} at the server.")
        try:
            reply = self._server.send(
                "PATCH", _block_path(block_id), dict(fields), _left(until), block_id
            )
        except AgentNotThere as error:
            raise Rejected(f"The agent has no memory block {block_id} at the server.") from error
        return written_block(reply, self._url)

    def add_memory(self, agent_id: str, file: Mapping[str, Any], *, seconds: float) -> bool:
        """See Connector. An agent is made with all its memory."""
        return False

    def archives(self, agent_id: str, *, seconds: float) -> list[tuple[str, str]]:
        """See Connector. Older servers have none."""
        params = {"agent_id": agent_id, "limit": "100"}
        reply = self._server.get_once("/v1/archives/", params, seconds=seconds)
        if reply.status in (404, 405, 422, 501):
            return []
        if reply.status != 200:
            self._server.raise_for(reply)
        try:
            found = msgspec.json.decode(bytes(reply.content), type=list[_Archive])
        except msgspec.DecodeError:
            return []
        return [(archive.id, archive.name or "") for archive in found]

    def create_block(self, fields: Mapping[str, Any], *, seconds: float) -> SeenBlock:
        """See Connector."""
        return written_block(
            self._server.send("POST", "/v1/blocks/", dict(fields), seconds, None), self._url
        )

    def blocks_labelled(self, label: str, *, seconds: float) -> list[SeenBlock]:
        """See Connector."""
        params = {"label": label, "limit": "100", "order": "desc"}
        return blocks_of(self._server.get("/v1/blocks/", params, seconds=seconds), self._url)

    def block(self, block_id: str, *, seconds: float) -> SeenBlock:
        """See Connector."""
        reply = self._server.get(_block_path(block_id), seconds=seconds, agent_id=block_id)
        if (block := block_of(reply)) is None:
            raise Unreachable(f"{self._url}: the answer is no memory block.")
        return block

    def attach_block(self, agent_id: str, block_id: str, *, seconds: float) -> None:
        """See Connector."""
        kind = "archives" if _is_archive(block_id) else "core-memory/blocks"
        path = f"{_path(agent_id)}/{kind}/attach/{quote(block_id, safe='')}"
        until = _until(seconds)
        try:
            self._server.send("PATCH", path, None, _left(until), agent_id)
        except Denied as error:
            if self.has_block(block_id, seconds=_left(until)):
                raise
            raise Rejected(f"The server has no memory block {block_id} any more.") from error

    def detach_block(self, agent_id: str, block_id: str, *, seconds: float) -> None:
        """See Connector."""
        path = f"{_path(agent_id)}/core-memory/blocks/detach/{quote(block_id, safe='')}"
        try:
            self._server.send("PATCH", path, None, seconds, block_id)
        except AgentNotThere:
            return

    def delete_block(self, block_id: str, *, seconds: float) -> None:
        """See Connector."""
        try:
            self._server.send("DELETE", _block_path(block_id), None, seconds, block_id)
        except AgentNotThere:
            return

    def has_block(self, block_id: str, *, seconds: float) -> bool:
        """See Connector."""
        try:
            self._server.get(_block_path(block_id), seconds=seconds, agent_id=block_id)
        except AgentNotThere:
            return False
        return True

    def agent_file(self, agent_id: str, *, seconds: float) -> Mapping[str, Any]:
        """See Connector."""
        reply = self._server.get_once(f"{_path(agent_id)}/export", seconds=seconds)
        if reply.status in (500, 501, 404) and not names_agent(reply, agent_id):
            raise Rejected(f"{self._url} gives no agent file ({reply.status}).")
        if reply.status != 200:
            self._server.raise_for(reply, agent_id)
        try:
            said = msgspec.json.decode(bytes(reply.content))
        except msgspec.DecodeError as error:
            raise Rejected(f"{self._url}: the agent file cannot be read.") from error
        agents = said.get("agents") if isinstance(said, dict) else None
        if not isinstance(agents, list) or len(agents) != 1 or not isinstance(agents[0], dict):
            raise Rejected(f"{self._url}: the agent file is not one of one agent.")
        return dict(said)

    def make_again(
        self, file: Mapping[str, Any], tags: Sequence[str], *, seconds: float
    ) -> SeenAgent:
        """See Connector."""
        until = _until(seconds)
        whole = {**file, "agents": [{**file["agents"][0], "tags": list(tags)}]}
        upload = Upload(json_bytes(whole), {"append_copy_suffix": "false"})
        reply = self._server.send("POST", "/v1/agents/import", upload, _left(until), None)
        try:
            said = msgspec.json.decode(bytes(reply.content), type=_Imported)
            return self.agent(said.agent_ids[0], seconds=_left(until))
        except (msgspec.DecodeError, IndexError, Unreachable, AgentNotThere) as error:
            raise AnswerLost(str(error)) from error

    def sharers(self, agent_id: str, block_id: str, *, seconds: float) -> list[str] | None:
        """See Connector."""
        path = f"{_block_path(block_id)}/agents"
        params = {"limit": str(_SHARERS), "include": "agent.tags"}
        agents = agents_of(
            self._server.get(path, params, seconds=seconds, agent_id=block_id), self._url
        )
        if len(agents) >= _SHARERS:
            return None
        return [agent.id for agent in agents if agent.id is not None]

    def _page(self, params: Mapping[str, str], seconds: float) -> Batch:
        reply = self._server.list_agents(params, seconds)
        if reply.status != 200:
            self._server.raise_for(reply)
        return agents_of(reply, self._url)


class _Archive(msgspec.Struct):
    id: str
    name: str | None = None


class _Imported(msgspec.Struct):
    agent_ids: list[str]


def _path(agent_id: str) -> str:
    return f"/v1/agents/{quote(agent_id, safe='')}"


def _is_archive(memory_id: str) -> bool:
    return memory_id.startswith("archive-")


def _block_path(block_id: str) -> str:
    """The path of a memory block, or of an archive, which has the same requests."""
    kind = "archives" if _is_archive(block_id) else "blocks"
    return f"/v1/{kind}/{quote(block_id, safe='')}"


def _until(seconds: float) -> float:
    return time.monotonic() + seconds


def _left(until: float) -> float:
    return max(until - time.monotonic(), 0.001)
