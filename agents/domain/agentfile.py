"""Agent files (`.af`): what ADE takes of one, and what it cannot keep.

Taken are the current form, and the same as a JSON string inside JSON, as some tools save it. Types
are checked strictly; all that ADE keeps is checked as if it were typed. Nothing is written here.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from django.conf import settings

from agents.domain.foreign import KEPT, ForeignBlock, KeptFields
from agents.domain.newagents import NewAgent, NewBlock, checked_blocks, columns_of
from agents.domain.tags import legal_set
from agents.errors import DomainError, Invalid
from agents.tagnames import shown


class _FileBlock(ForeignBlock):
    """A memory block of a file; agents name it by its id."""

    tags: list[str] | None = None
    hidden: bool | None = None

    def new(self) -> NewBlock:
        extra = {"tags": self.tags or [], "hidden": self.hidden}
        return replace(super().new(), extra=extra, key=self.id)


class _FileAgent(KeptFields, kw_only=True):
    """What is read of an agent of a file."""

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

    def extra(self) -> dict[str, Any]:
        """The fields that ADE keeps as they came; those that say nothing take the default."""
        values = {name: getattr(self, name) for name in KEPT}
        return {name: value for name, value in values.items() if value is not None}


class _File(msgspec.Struct):
    agents: list[_FileAgent]
    blocks: list[_FileBlock] = []


_FIELDS = _FileAgent.__struct_fields__
# What a file holds beside its agents, and what an agent holds, that ADE does not keep: how one and
# several of them are called. Other fields that say something are named as they are.
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
# These only refer to what is counted above, say how the agent was once made, or repeat a config.
_SILENT = {
    "tool_ids", "tools", "source_ids", "folder_ids", "group_ids", "memory_blocks",
    "in_context_message_ids", "initial_message_sequence", "include_base_tools",
    "include_multi_agent_tools", "include_base_tool_rules", "include_default_source",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class AgentFile:
    """The agents of a file, checked, and what of it is not kept, in words fit to show."""

    agents: list[NewAgent]
    not_kept: list[str]


def parse(data: bytes, *, tags: Sequence[str] = ()) -> AgentFile:
    """Read an agent file; its agents also get `tags`.

    Agents that share a block in the file share it here (NewBlock.key). `imported_from` is a digest
    of the agent and its blocks as they stand in the file. Raises Invalid, whose message is the end
    of a sentence that begins with the file's name.
    """
    try:
        return _parsed(_decoded(data), tags)
    except RecursionError as error:
        raise Invalid("is nested too deep.") from error
    except OverflowError as error:
        raise Invalid("holds a number with too many digits.") from error


def _parsed(whole: dict[str, Any], tags: Sequence[str]) -> AgentFile:
    try:
        file = msgspec.convert(whole, _File)
    except msgspec.ValidationError as error:
        raise Invalid(f"is no agent file: {error}.") from error
    if not file.agents:
        raise Invalid("holds no agents.")
    blocks = {block.id: block for block in file.blocks}
    raw_blocks = {block["id"]: block for block in whole.get("blocks", [])}
    agents = []
    for agent, raw in zip(file.agents, whole["agents"], strict=True):
        digest = _digest(raw, [raw_blocks.get(key) for key in agent.block_ids or []])
        agents.append(_new_agent(agent, blocks, tags, digest))
    return AgentFile(agents, _not_kept(whole))


def _decoded(data: bytes) -> dict[str, Any]:
    """The object that the file holds."""
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if len(data) > most:
        raise Invalid(f"is {len(data):,} bytes; the limit is {most:,}.")
    if not data.strip():
        raise Invalid("is empty.")
    value = _json(data.removeprefix(b"\xef\xbb\xbf"))
    if isinstance(value, str):
        value = _json(value.encode())
    if not isinstance(value, dict):
        raise Invalid(f"is no agent file: it holds {_kind(value)}, not an object.")
    if "agents" not in value:
        older = " (an older form, of a single agent)" if "core_memory" in value else ""
        raise Invalid(f"is no agent file that ADE reads: it has no “agents”{older}.")
    return value


def _json(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"is not valid JSON: {error}.") from error


def _kind(value: object) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


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
            extra=agent.extra(),
            tags=legal_set([*(agent.tags or []), *tags]),
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
    """What a person should know is lost: parts with their number, then other fields by name."""
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


def _size(value: object) -> int:
    return len(value) if isinstance(value, list | dict | str) else 0
