"""Letta's App Server: one WebSocket, frames of JSON, one token for everything.

The server drops what it cannot read without an answer, so each request has a deadline. It answers
`success: true` also to what it ignored, so answers are compared with what was sent.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import msgspec

from agents.core.limits import SOURCE_ANSWER
from agents.core.tag_text import shown
from agents.net.connectors.address import Networks
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
    Unreadable,
)
from agents.net.connectors.frames import Answer, AppServer
from agents.net.connectors.memory_files import (
    files_in_folders,
    in_folder,
    memory_block,
    with_changes,
)

_EVERYTHING = 10**9  # agent_list has no upper limit, and pages miss agents that run a turn
_BATCH = 200  # agents
_CREATED = (
    "name", "description", "system", "model", "model_settings", "context_window_limit", "tags",
    "hidden", "compaction_settings", "memory_blocks",
)  # fmt: skip
_UPDATED = tuple(name for name in _CREATED if name != "memory_blocks")
_COMPARED = ("name", "description", "system", "model", "tags")


class AppServerConnector:
    """The App Server at `url`, whose normal form `source_address` gives.

    The connection is opened when it is first needed, and again when it was lost.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None,
        networks: Networks,
        answer_bytes: int = SOURCE_ANSWER,
    ) -> None:
        self._server = AppServer(url, token=token, networks=networks, answer_bytes=answer_bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    def about(self, *, seconds: float) -> About:
        """See Connector. The number of agents is that of a whole list."""
        self._server.begin(seconds)
        answer = self._server.ask("agent_list", {"query": {"limit": _EVERYTHING}})
        agents = len(answer.part("agents", list[msgspec.Raw]))
        words = f"App Server {self._server.version}, local backend, {agents:,} "
        words += "agent" if agents == 1 else "agents"
        return About(kind="app-server", version=self._server.version, words=words, agents=agents)

    def agents(self, *, seconds: float) -> Iterator[list[SeenAgent | Unread]]:
        """See Connector. Hidden agents are never listed."""
        self._server.begin(seconds)
        answer = self._server.ask("agent_list", {"query": {"limit": _EVERYTHING}})
        raws = answer.part("agents", list[msgspec.Raw])
        for start in range(0, len(raws), _BATCH):
            yield [answer.agent(raw) for raw in raws[start : start + _BATCH]]

    def changed(self, since: str | None, *, seconds: float) -> None:
        """See Connector. The server has no feed."""

    def agent(self, agent_id: str, *, seconds: float) -> SeenAgent:
        """See Connector. Memory is read apart."""
        self._server.begin(seconds)
        return self._one(self._server.ask("agent_retrieve", {"agent_id": agent_id}), agent_id)

    def write_tags(self, agent_id: str, tags: Sequence[str], *, seconds: float) -> None:
        """See Connector. Raises Rejected if the server did not keep them as they were sent."""
        self.update(agent_id, {"tags": list(tags)}, seconds=seconds)

    def create(self, fields: Mapping[str, Any], *, seconds: float) -> SeenAgent:
        """See Connector. Fields that App Servers do not have are left out."""
        body = {name: fields[name] for name in _CREATED if name in fields}
        blocks = body.get("memory_blocks") or []
        # The server fails on NUL half-way, and keeps what it has made until then.
        if "\0" in "".join([body.get("name") or "", *(str(b.get("label")) for b in blocks)]):
            raise Rejected("The name contains a NUL character, which App Servers cannot store.")
        self._server.begin(seconds)
        try:
            return self._written(self._server.ask("agent_create", {"body": body}, writes=True))
        except Rejected as error:
            raise AnswerLost(f"{error} The agent may have been made.") from error

    def update(self, agent_id: str, fields: Mapping[str, Any], *, seconds: float) -> SeenAgent:
        """See Connector. Raises Rejected for fields that App Servers do not have."""
        if unknown := sorted(set(fields) - set(_UPDATED)):
            raise Rejected(f"An App Server does not have these fields: {', '.join(unknown)}.")
        self._server.begin(seconds)
        body = {"agent_id": agent_id, "body": dict(fields)}
        agent = self._written(self._server.ask("agent_update", body, writes=True), agent_id)
        kept = {**agent.fields, "tags": list(agent.tags)}
        if other := [n for n in _COMPARED if n in fields and kept.get(n) != fields[n]]:
            raise Rejected(
                f"{self._server.url} did not keep what was sent for: {', '.join(other)}."
            )
        return agent

    def delete(self, agent_id: str, *, seconds: float) -> None:
        """See Connector."""
        self._server.begin(seconds)
        self._server.ask("agent_delete", {"agent_id": agent_id}, writes=True)

    def blocks(self, agent_id: str, *, seconds: float) -> list[SeenBlock]:
        """See Connector. A block is a Markdown file of the agent's memory; its id is the path."""
        self._server.begin(seconds)
        return self._blocks(agent_id)

    def _blocks(self, agent_id: str) -> list[SeenBlock]:
        # The list of an unknown agent is empty, and a success.
        self._server.ask("agent_retrieve", {"agent_id": agent_id})
        answer = self._server.ask("list_memory", {"agent_id": agent_id})
        entries = map(answer.value, answer.part("entries", list[msgspec.Raw]))
        return [block for block in map(memory_block, entries) if block is not None]

    def write_block(
        self, agent_id: str, block_id: str, fields: Mapping[str, Any], *, seconds: float
    ) -> SeenBlock:
        """See Connector. A memory file has a value and a description."""
        if unknown := sorted(set(fields) - {"value", "description"}):
            raise Rejected(
                f"A memory file of an App Server does not have these fields: {', '.join(unknown)}."
            )
        self._server.begin(seconds)
        # A path that is not in the list could lead out of the folder.
        old = next((b for b in self._blocks(agent_id) if b.id == block_id), None)
        if old is None:
            raise Rejected(f"The agent has no memory file {shown(block_id, 100)} at the server.")
        place = {"agent_id": agent_id, "path": block_id}
        answer = self._server.ask("read_memory_file", place)
        content = with_changes(answer.text("content"), old, fields)
        self._server.ask("write_memory_file", {**place, "content": content}, writes=True)
        try:
            new = next((b for b in self._blocks(agent_id) if b.id == block_id), None)
        except (Unreachable, AgentNotThere) as error:
            raise AnswerLost(str(error)) from error
        if new is None:
            raise AnswerLost(f"{self._server.url} does not list the memory file any more.")
        return new

    def delete_block(self, block_id: str, *, seconds: float) -> None:
        """See Connector. The server deletes the memory files' agent, and leaves its folder on the disk."""

    def has_block(self, block_id: str, *, seconds: float) -> bool:
        """See Connector. Memory files belong to one agent, and cannot be asked for without it."""
        return False

    def sharers(self, agent_id: str, block_id: str, *, seconds: float) -> list[str]:
        """See Connector. Memory files belong to one agent."""
        return [agent_id]

    def agent_file(self, agent_id: str, *, seconds: float) -> Mapping[str, Any]:
        """See Connector. The fields that a new agent takes, and the memory files."""
        self._server.begin(seconds)
        blocks = [
            {"label": b.label, "value": b.value, "description": b.fields.get("description")}
            for b in self._blocks(agent_id)
        ]
        agent = self._one(self._server.ask("agent_retrieve", {"agent_id": agent_id}), agent_id)
        fields = {"name": agent.name, "tags": list(agent.tags), **agent.fields}
        kept = {name: fields[name] for name in _CREATED if fields.get(name) is not None}
        return {**kept, "memory_blocks": blocks}

    def make_again(
        self, file: Mapping[str, Any], tags: Sequence[str], *, seconds: float
    ) -> SeenAgent:
        """See Connector. The server makes no folders for new memory: `add_memory` does."""
        blocks = [block for block in _blocks_in(file) if not in_folder(block["label"])]
        fields = {**file, "tags": list(tags), "memory_blocks": blocks}
        return self.create(fields, seconds=seconds)

    def add_memory(self, agent_id: str, file: Mapping[str, Any], *, seconds: float) -> bool:
        """See Connector. Writes the next memory file that lies in a folder: each is a commit there."""
        self._server.begin(seconds)
        there = {block.id for block in self._blocks(agent_id)}
        for path, content in files_in_folders(_blocks_in(file)):
            if path not in there:
                place = {"agent_id": agent_id, "path": path, "content": content}
                self._server.ask("write_memory_file", place, writes=True)
                return True
        return False

    def archives(self, agent_id: str, *, seconds: float) -> list[tuple[str, str]]:
        """See Connector. An App Server has none."""
        return []

    def create_block(self, fields: Mapping[str, Any], *, seconds: float) -> SeenBlock:
        """See Connector. Memory files belong to one agent."""
        raise Rejected("An App Server has no memory blocks without an agent.")

    def blocks_labelled(self, label: str, *, seconds: float) -> list[SeenBlock]:
        """See Connector. Memory files belong to one agent."""
        return []

    def block(self, block_id: str, *, seconds: float) -> SeenBlock:
        """See Connector. Memory files belong to one agent."""
        raise AgentNotThere("An App Server has no memory blocks without an agent.")

    def attach_block(self, agent_id: str, block_id: str, *, seconds: float) -> None:
        """See Connector. Memory files belong to one agent."""
        raise Rejected("An App Server has no memory blocks without an agent.")

    def detach_block(self, agent_id: str, block_id: str, *, seconds: float) -> None:
        """See Connector. Memory files belong to one agent."""

    def _written(self, answer: Answer, agent_id: str | None = None) -> SeenAgent:
        """The agent in the answer to a write, which was done even if the answer cannot be read."""
        try:
            return self._one(answer, agent_id)
        except (Unreachable, Denied) as error:
            raise AnswerLost(str(error)) from error

    def _one(self, answer: Answer, agent_id: str | None = None) -> SeenAgent:
        agent = answer.agent(answer.part("agent", msgspec.Raw))
        if isinstance(agent, Unread):
            raise Unreadable(f"{self._server.url}: {agent.why}")
        if agent_id is not None and agent.id != agent_id:
            raise Denied(f"{self._server.url} answered with another agent than {agent_id}.")
        return agent


def _blocks_in(file: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The memory of an agent file: label, value and description."""
    blocks: list[dict[str, Any]] = file.get("memory_blocks") or []
    return blocks
