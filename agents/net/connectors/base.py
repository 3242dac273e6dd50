"""The interface of a connector: one connected server, read and written.

A connector has no database and decides nothing. It sends requests, checks sizes and deadlines, and
returns what the server said. Texts are kept as the server wrote them: also empty tags, duplicates, NUL
and lone surrogates, which ADE's own rules refuse.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self


class SourceError(Exception):
    """The server did not do what was asked. The text says why and can be shown to people."""


class Unreachable(SourceError):
    """No connection, a connection lost before the request was sent, a deadline, 429 or 5xx.

    Nothing was changed at the server. Trying again later can help; `retry_after` is the number of seconds
    that the server asked to wait, if it did.
    """

    def __init__(self, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unreadable(Unreachable):
    """The server answers for other agents, but for this one with an error, or with what ADE cannot read."""


class Denied(SourceError):
    """The server refuses this connector: 401, 403, a wrong kind of server, 426. Retrying does not help."""


class TooLarge(SourceError):
    """An answer is larger than the limit. It was not read to its end."""


class AgentNotThere(SourceError):
    """The server itself says that there is no agent with this id."""


class Rejected(SourceError):
    """The server understood the write and refused it, or the connector knows that it would."""


class AnswerLost(SourceError):
    """The request was sent and no answer came, so it may have been carried out. Read before repeating it."""


@dataclass(frozen=True, slots=True)
class About:
    """What a test of the connection found. `words` is the sentence that people see."""

    kind: str
    version: str
    words: str
    # None where the server does not tell the number of its agents.
    agents: int | None


@dataclass(frozen=True, slots=True)
class SeenBlock:
    """A memory block or memory file at the server."""

    id: str
    label: str
    value: str
    # The other fields as the server gave them.
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SeenAgent:
    """An agent as the server describes it. `fields` is the whole answer except `tags`."""

    id: str
    name: str
    tags: tuple[str, ...]
    hidden: bool
    fields: Mapping[str, Any]
    # Where the agent stands in the server's feed of changes, as text. None: the server has no feed.
    moved: str | None = None
    # None where a list does not carry them.
    blocks: tuple[SeenBlock, ...] | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """An entry of a list that ADE cannot read as an agent: its id, if that can be read, and why."""

    id: str | None
    why: str


class Connector(Protocol):
    """One open connection to a server. Use it as a context manager, in one thread.

    `seconds` limits the whole call; for `agents` and `changed`, which may send several requests, each
    request. All calls raise Unreachable, Denied and TooLarge. A write never sends its request twice.
    """

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def about(self, *, seconds: float) -> About:
        """Say what the server is."""
        ...

    def agents(self, *, seconds: float) -> Iterator[list[SeenAgent | Unread]]:
        """All agents that the server lists, each once, in batches. Hidden ones where it lists them."""
        ...

    def changed(
        self, since: str | None, *, seconds: float
    ) -> Iterator[list[SeenAgent | Unread]] | None:
        """The agents whose `moved` is at or after `since`, newest first; one request where nothing changed.

        None: the server has no feed, so that `agents` is the only way.
        """
        ...

    def agent(self, agent_id: str, *, seconds: float) -> SeenAgent:
        """One agent, with its blocks where the server gives them. Raises AgentNotThere."""
        ...

    def write_tags(self, agent_id: str, tags: Sequence[str], *, seconds: float) -> None:
        """Replace all tags of an agent. Raises AgentNotThere, Rejected, AnswerLost.

        The caller reads the agent afterwards: neither kind of server has compare-and-set.
        """
        ...

    def create(self, fields: Mapping[str, Any], *, seconds: float) -> SeenAgent:
        """Make an agent. `fields` are named as in Letta's API. Raises Rejected, AnswerLost."""
        ...

    def update(self, agent_id: str, fields: Mapping[str, Any], *, seconds: float) -> SeenAgent:
        """Set fields of an agent. Raises AgentNotThere, Rejected, AnswerLost."""
        ...

    def delete(self, agent_id: str, *, seconds: float) -> None:
        """Delete an agent. Raises AgentNotThere, Rejected, AnswerLost."""
        ...

    def blocks(self, agent_id: str, *, seconds: float) -> list[SeenBlock]:
        """The memory of an agent. Raises AgentNotThere."""
        ...

    def write_block(
        self, agent_id: str, block_id: str, fields: Mapping[str, Any], *, seconds: float
    ) -> SeenBlock:
        """Set fields of a memory block of an agent. Raises AgentNotThere, Rejected, AnswerLost."""
        ...

    def delete_block(self, block_id: str, *, seconds: float) -> None:
        """Delete a memory block that no agent has any more. Nothing happens if it is gone already.

        Raises Rejected, AnswerLost.
        """
        ...

    def has_block(self, block_id: str, *, seconds: float) -> bool:
        """True if the server has this memory block, whether an agent has it or not."""
        ...

    def sharers(self, agent_id: str, block_id: str, *, seconds: float) -> list[str] | None:
        """The ids of all agents that have a memory block; None if they are too many to list."""
        ...

    def agent_file(self, agent_id: str, *, seconds: float) -> Mapping[str, Any]:
        """Return what is needed to create the agent again, as the server exports it. Raises AgentNotThere.

        Raises Rejected if the server cannot give it.
        """
        ...

    def make_again(
        self, file: Mapping[str, Any], tags: Sequence[str], *, seconds: float
    ) -> SeenAgent:
        """Make an agent from its file, with these tags and a new id. Raises Rejected, AnswerLost."""
        ...

    def add_memory(self, agent_id: str, file: Mapping[str, Any], *, seconds: float) -> bool:
        """Give an agent that was made from this file a part of the memory that it could not be made with.

        Returns False if nothing was missing. What is there already stays. Raises Rejected, AnswerLost.
        """
        ...

    def archives(self, agent_id: str, *, seconds: float) -> list[tuple[str, str]]:
        """The ids and names of an agent's archives, up to 100.

        `sharers`, `has_block`, `delete_block` and `attach_block` take them like memory blocks.
        """
        ...

    def create_block(self, fields: Mapping[str, Any], *, seconds: float) -> SeenBlock:
        """Make a memory block that no agent has. Raises Rejected, AnswerLost."""
        ...

    def blocks_labelled(self, label: str, *, seconds: float) -> list[SeenBlock]:
        """The newest memory blocks with this label, up to 100."""
        ...

    def block(self, block_id: str, *, seconds: float) -> SeenBlock:
        """One memory block. Raises AgentNotThere if it is gone."""
        ...

    def attach_block(self, agent_id: str, block_id: str, *, seconds: float) -> None:
        """Attach a memory block to an agent. Nothing happens if the agent has it. Raises Rejected, AnswerLost."""
        ...

    def detach_block(self, agent_id: str, block_id: str, *, seconds: float) -> None:
        """Detach a memory block from an agent. Nothing happens if the agent does not have it. Raises as `attach_block`."""
        ...
