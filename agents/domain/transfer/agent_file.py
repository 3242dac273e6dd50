"""Read agent files (`.af`): what ADE stores of one, and what it does not.

Accepted are the current form, files of a single agent (see `single_agent`), either of them as a
JSON string inside JSON, and UTF-8, UTF-16 or UTF-32 with or without a byte order mark. Types are
checked strictly, and values as if a person had typed them. Nothing is written here.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from agents.core.errors import DomainError, Invalid, LimitExceeded
from agents.core.limits import IMPORT_AGENTS, IMPORT_BLOCKS, IMPORT_TAGS, TAGS_PER_REQUEST
from agents.core.tag_text import shown
from agents.domain.agents.letta_fields import LettaFields, given_fields
from agents.domain.agents.new import NewAgent, columns_of
from agents.domain.memory.new import NewBlock, checked_blocks
from agents.domain.tags.edit import require_legal_tags
from agents.domain.transfer.file_json import decoded
from agents.domain.transfer.foreign_block import ForeignBlock


class _FileBlock(ForeignBlock):
    """A memory block of a file; agents name it by its id."""

    tags: list[str] | None = None
    hidden: bool | None = None

    def new(self) -> NewBlock:
        extra = {"tags": self.tags or [], "hidden": self.hidden}
        return replace(super().new(), extra=extra, key=self.id)


class _FileAgent(LettaFields, kw_only=True):  # type: ignore[call-arg,misc,valid-type]
    """An agent in a file."""

    id: str
    name: str
    system: str | None = None
    description: str | None = None
    model: str | None = None
    embedding: str | None = None
    context_window_limit: int | None = None
    llm_config: dict[str, Any] | None = None
    embedding_config: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    tags: list[str] | None = None
    block_ids: list[str] | None = None


class _File(msgspec.Struct):
    agents: list[_FileAgent]
    blocks: list[_FileBlock] = []


_FIELDS = _FileAgent.__struct_fields__
# Parts of a file, and fields of its agents, that ADE does not store: the words for one and for several.
# Other fields with a value are reported by their own names.
_UNKEPT_PARTS = {
    "tools": ("tool", "tools"),
    "files": ("file", "files"),
    "sources": ("source", "sources"),
    "mcp_servers": ("MCP server", "MCP servers"),
    "groups": ("group", "groups"),
    "skills": ("skill", "skills"),
}
_UNKEPT_OF_AGENT = {
    "messages": ("message", "messages"),
    "files_agents": ("open file", "open files"),
    "tool_exec_environment_variables": ("environment variable", "environment variables"),
    "secrets": ("secret", "secrets"),
    "identity_ids": ("identity", "identities"),
    "memory_variables": ("memory variable", "memory variables"),
}
# Not reported: these refer to what is counted above, say how the agent was created, or repeat a config.
_SILENT = {
    "tool_ids", "tools", "source_ids", "folder_ids", "group_ids", "memory_blocks",
    "in_context_message_ids", "in_context_message_indices", "initial_message_sequence",
    "include_base_tools", "version", "created_at", "updated_at", "message_ids",
    "last_run_completion", "multi_agent_group", "managed_group", "identities",
    "include_multi_agent_tools", "include_base_tool_rules", "include_default_source",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class AgentFile:
    """The checked agents of a file, and what ADE does not store of it, in words."""

    agents: list[NewAgent]
    not_kept: list[str]
    skipped: list[str] = field(default_factory=list)  # other files, which are no agent files


class TooMuch(Invalid):
    """The file exceeds what a page or the API imports at once."""


def parse(data: bytes, *, tags: Sequence[str] = (), bounded: bool = True) -> AgentFile:
    """Read an agent file; its agents also get `tags`. `bounded` if it becomes one transaction.

    Agents that share a block in the file share it in ADE (NewBlock.key). `imported_from` is a digest
    of the agent and its blocks in the file. Raises Invalid, whose message is the end of a sentence
    that begins with the file's name, and TooMuch before anything else is checked.
    """
    try:
        return _parsed(decoded(data), tags, bounded)
    except RecursionError as error:
        raise LimitExceeded("is nested too deep.") from error
    except OverflowError as error:
        raise Invalid("contains a number with too many digits.") from error


def _parsed(whole: dict[str, Any], tags: Sequence[str], bounded: bool) -> AgentFile:
    try:
        file = msgspec.convert(whole, _File)
    except msgspec.ValidationError as error:
        raise Invalid(f"is no agent file: {error}.") from error
    if not file.agents:
        raise Invalid("contains no agents.")
    if bounded:
        _require_few(file, len(tags))
    blocks = {block.id: block for block in file.blocks}
    raw_blocks = {block["id"]: block for block in whole.get("blocks", [])}
    agents = []
    for agent, raw in zip(file.agents, whole["agents"], strict=True):
        digest = _digest(raw, [raw_blocks.get(key) for key in agent.block_ids or []])
        agents.append(_new_agent(agent, blocks, tags, digest))
    return AgentFile(agents, _not_kept(whole) + _changed_limits(file.blocks))


def _require_few(file: _File, added: int) -> None:
    # If one agent has too many tags, the message about its own limit is more exact.
    tags = sum(min(len(agent.tags or ()) + added, TAGS_PER_REQUEST) for agent in file.agents)
    blocks = sum(len(agent.block_ids or ()) for agent in file.agents)
    for number, most, what in (
        (len(file.agents), IMPORT_AGENTS, "agents"),
        (tags, IMPORT_TAGS, "tags on its agents"),
        (blocks, IMPORT_BLOCKS, "memory blocks of its agents"),
    ):
        if number > most:
            raise TooMuch(
                f"contains {number:,} {what}; the limit of one import is {most:,}. Split the file, or "
                "import it on the server with `manage.py import_agents`, which works in batches."
            )


def _new_agent(
    agent: _FileAgent, blocks: dict[str, _FileBlock], tags: Sequence[str], digest: str
) -> NewAgent:
    try:
        new = NewAgent(
            model=agent.model,
            name=agent.name,
            description=agent.description,
            embedding=agent.embedding,
            context_window_limit=agent.context_window_limit,
            system=agent.system or "",
            llm_config=agent.llm_config,
            embedding_config=agent.embedding_config,
            metadata=agent.metadata,
            extra=given_fields(agent),
            tags=require_legal_tags([*(agent.tags or []), *tags]),
            blocks=[_block(blocks, key) for key in dict.fromkeys(agent.block_ids or [])],
            imported_from=digest,
        )
        columns_of(new)
        checked_blocks(new.blocks)
    except DomainError as error:
        raise Invalid(f"agent “{shown(agent.name)}”: {error.message}") from error
    return new


def _block(blocks: dict[str, _FileBlock], key: str) -> NewBlock:
    if key not in blocks:
        raise Invalid(f"the file has no block “{shown(key)}”, which it names.")
    return blocks[key].new()


def _digest(agent: dict[str, Any], blocks: list[Any]) -> str:
    text = msgspec.json.encode([agent, blocks], order="deterministic")
    return f"sha256:{hashlib.sha256(text).hexdigest()}"


def _not_kept(whole: dict[str, Any]) -> list[str]:
    """Return what is not stored: parts with their number, then other fields by name."""
    counts: Counter[tuple[str, str]] = Counter()
    fields: dict[str, None] = {}
    for part, words in _UNKEPT_PARTS.items():
        counts[words] += _size(whole.get(part))
    for agent in whole["agents"]:
        for name, value in agent.items():
            if name in _UNKEPT_OF_AGENT:
                counts[_UNKEPT_OF_AGENT[name]] += _size(value)
            elif name not in _FIELDS and name not in _SILENT and value:
                fields[shown(name)] = None
    parts = [f"{n:,} {one if n == 1 else several}" for (one, several), n in counts.items() if n]
    return parts + list(fields)


def _changed_limits(blocks: Sequence[_FileBlock]) -> list[str]:
    """Return, in words, the limits of memory blocks that ADE cannot store as they are."""
    return [
        f"the limit of block “{shown(block.label)}” ({block.limit:,} is {new:,} here)"
        for block in blocks
        if (new := block.stored_limit()) != block.limit
    ]


def _size(value: object) -> int:
    return len(value) if isinstance(value, list | dict | str) else 0
