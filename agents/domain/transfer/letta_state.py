"""Read an agent of a Letta server (an AgentState): what ADE stores, and what it does not.

A connector has read the agent. Types are checked strictly, agent by agent.
Nothing is written here.
"""

import hashlib
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import msgspec

from agents.core.tag_text import shown, text_problem
from agents.domain.agents.edit import AgentEdit
from agents.domain.agents.letta_fields import LETTA_DEFAULTS, LETTA_TYPES, LettaFields, given_fields
from agents.domain.agents.new import NewAgent
from agents.domain.core.unset import UNSET
from agents.domain.transfer.foreign_block import ForeignBlock
from agents.net.connectors.base import SeenAgent, Unread


class SourceBlock(ForeignBlock):
    """A memory block in an agent's answer."""

    @property
    def digest(self) -> str:
        """Equal for two answers with the same fields of the block."""
        return _digest(msgspec.structs.astuple(self))


class _Memory(msgspec.Struct):
    blocks: list[SourceBlock] = []


class SourceAgent(LettaFields, kw_only=True):  # type: ignore[call-arg,misc,valid-type]
    """An agent in an answer. `tags` are required: without them a removed tag would not be noticed."""

    id: str
    name: str
    tags: list[str]
    created_at: datetime | None = None
    updated_at: datetime | None = None
    # Servers before 0.16 name them in `memory` only.
    blocks: list[SourceBlock] | None = None
    memory: _Memory | None = None
    # Not stored, but counted.
    message_ids: Any = None
    tools: Any = None
    sources: Any = None
    identity_ids: Any = None
    tool_exec_environment_variables: Any = None
    description: str | None = None
    system: str | None = None
    model: str | None = None
    embedding: str | None = None
    llm_config: dict[str, Any] | None = None
    embedding_config: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None

    @property
    def own_blocks(self) -> list[SourceBlock]:
        """Its memory blocks, each once."""
        blocks = self.blocks or (self.memory.blocks if self.memory else [])
        return list({block.id: block for block in blocks}.values())

    @property
    def digest(self) -> str:
        """Equal for two answers with the same fields. Times and messages do not count: every message changes
        them.
        """
        return _digest([self.name, *(getattr(self, name) for name in _OWN)])

    def new(self, *, tags: list[str]) -> NewAgent:
        """Return the agent to create, with these tags too and without its blocks."""
        return NewAgent(
            model=self.model,
            name=self.name,
            description=self.description,
            embedding=self.embedding,
            system=self.system or "",
            llm_config=self.llm_config,
            embedding_config=self.embedding_config,
            metadata=self.metadata,
            extra=given_fields(self),
            tags=list(dict.fromkeys([*self.tags, *tags])),
            created_at=_utc(self.created_at),
            updated_at=_utc(self.updated_at),
            public_id=self.id,
            not_kept=tuple(
                f"{number:,} {words[number != 1]}"
                for words, number in not_kept([self]).items()
                if number
            ),
        )

    def edit(self) -> AgentEdit:
        """Return the edit that sets the source's fields."""
        by_config = self.embedding is None and self.embedding_config is not None
        return AgentEdit(
            name=self.name,
            description=self.description,
            model=UNSET if self.model is None else self.model,
            embedding=UNSET if by_config else self.embedding,
            system=self.system or "",
            llm_config=UNSET if self.llm_config is None else self.llm_config,
            embedding_config=UNSET if self.embedding_config is None else self.embedding_config,
            metadata=self.metadata,
            extra={name: LETTA_DEFAULTS[name] for name in LETTA_TYPES} | given_fields(self),
        )


# What `digest` is made of. The order matters: digests are stored from one import to the next.
_OWN = (
    "description", "system", "model", "embedding", "llm_config", "embedding_config", "metadata",
    *LETTA_TYPES,
)  # fmt: skip
_NOT_KEPT = {
    "message_ids": ("message", "messages"),
    "tools": ("tool", "tools"),
    "sources": ("folder", "folders"),
    "identity_ids": ("identity", "identities"),
    "tool_exec_environment_variables": ("environment variable", "environment variables"),
}


def source_agent(seen: SeenAgent) -> SourceAgent | Unread:
    """Read an agent. Returns Unread if a field has another type than ADE knows."""
    try:
        agent = msgspec.convert({**seen.fields, "tags": list(seen.tags)}, SourceAgent)
        _ = [agent.digest, *(block.digest for block in agent.own_blocks)]
    except (msgspec.ValidationError, OverflowError) as error:
        return Unread(seen.id, f"it cannot be read: {error}.")
    except UnicodeEncodeError:
        return Unread(seen.id, "a text contains half of a surrogate pair.")
    for text in (agent.id, *(block.id for block in agent.own_blocks)):
        # It is looked up in the database before anything else is checked.
        if bad := text_problem(text):
            return Unread(agent.id, f"the ID {shown(text)} {bad}.")
    return agent


def not_kept(agents: list[SourceAgent]) -> Counter[tuple[str, str]]:
    """Count what these agents have and ADE does not store, by (word for one, word for several)."""
    counts: Counter[tuple[str, str]] = Counter()
    for agent in agents:
        for name, words in _NOT_KEPT.items():
            value = getattr(agent, name)
            counts[words] += len(value) if isinstance(value, list) else 0
    return counts


def _digest(value: object) -> str:
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()


def _utc(moment: datetime | None) -> datetime | None:
    """Old servers write UTC without saying so."""
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment
