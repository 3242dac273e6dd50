"""What an agent to be created is made of, and its checks: text, limits, handles, defaults."""

import random
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from agents.domain import handles
from agents.errors import BadRequest, Invalid
from agents.jsontext import stored
from agents.limits import (
    BLOCK_LABEL_LENGTH,
    BLOCK_LIMIT_DEFAULT,
    BLOCK_VALUE_LENGTH,
    BLOCKS_PER_AGENT,
    CONTEXT_WINDOW,
    DESCRIPTION_LENGTH,
    NAME_LENGTH,
    SYSTEM_LENGTH,
)
from agents.tagnames import text_problem

_FIRST = "Amber Brisk Calm Clever Dapper Eager Fabled Gentle Humble Jolly Keen Lively Mellow Nimble"
_SECOND = "Acorn Badger Cedar Dolphin Falcon Heron Juniper Lantern Magpie Otter Pebble Robin Willow"

_PUBLIC_ID = re.compile(r"agent-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# What ADE keeps as it came and gives back, with the value it has where nothing was said. Only what
# differs is stored.
EXTRA_DEFAULTS: dict[str, Any] = {
    "agent_type": "letta_v1_agent",
    "message_ids": [],
    "tool_rules": [],
    "model_settings": None,
    "compaction_settings": None,
    "response_format": None,
    "tool_exec_environment_variables": [],
    "secrets": [],
    "project_id": None,
    "template_id": None,
    "base_template_id": None,
    "deployment_id": None,
    "entity_id": None,
    "pending_approval": None,
    "message_buffer_autoclear": False,
    "enable_sleeptime": None,
    "multi_agent_group": None,
    "managed_group": None,
    "last_run_completion": None,
    "last_run_duration_ms": None,
    "last_stop_reason": None,
    "timezone": "UTC",
    "max_files_open": 10,
    "per_file_view_window_char_limit": 40000,
    "hidden": None,
}

# The same of a memory block.
BLOCK_EXTRA_DEFAULTS: dict[str, Any] = {
    "project_id": None,
    "template_name": None,
    "is_template": False,
    "template_id": None,
    "base_template_id": None,
    "deployment_id": None,
    "entity_id": None,
    "preserve_on_migration": False,
    "hidden": None,
    "tags": [],
}


@dataclass(frozen=True, slots=True)
class NewBlock:
    """A memory block to be made."""

    label: str
    value: str = ""
    limit: int | None = None  # characters
    description: str | None = None
    read_only: bool = False
    metadata: dict[str, Any] | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    # Blocks with one key, among the agents made together, are one block that they share.
    key: str | None = None


@dataclass(frozen=True, slots=True)
class NewAgent:
    """An agent to be made. Either `model` or `llm_config` says what it runs on."""

    model: str | None = None
    name: str | None = None
    description: str | None = None
    embedding: str | None = None
    context_window_limit: int | None = None  # tokens
    system: str = ""
    llm_config: dict[str, Any] | None = None
    embedding_config: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    blocks: list[NewBlock] = field(default_factory=list)
    block_ids: list[str] = field(default_factory=list)
    identity_ids: list[str] = field(default_factory=list)
    created_at: datetime | None = None
    updated_at: datetime | None = None
    public_id: str | None = None
    imported_from: str | None = None


def default_name() -> str:
    """A name for an agent that was given none; names need not be unique."""
    return random.choice(_FIRST.split()) + random.choice(_SECOND.split())  # noqa: S311 no secret


def checked_text(text: object, *, field: str, most: int) -> str:
    """The text if it can be stored and is not too long. Raises Invalid."""
    if not isinstance(text, str):
        raise Invalid(f"{field} must be a string.", field=field)
    if len(text) > most:
        raise Invalid(f"{field} is {len(text):,} characters; the limit is {most:,}.", field=field)
    bad = text_problem(text)
    if bad:
        raise Invalid(f"{field} {bad}.", field=field)
    return text


def checked_name(name: object) -> str:
    """The agent's name if it is one: not empty, within its limit. Raises Invalid."""
    text = checked_text(name, field="name", most=NAME_LENGTH)
    if not text.strip():
        raise Invalid("An agent needs a name.", field="name")
    return text


def checked_description(text: object) -> str | None:
    """A description, or None for none. Raises Invalid."""
    return (
        None if text is None else checked_text(text, field="description", most=DESCRIPTION_LENGTH)
    )


def checked_system(text: object) -> str:
    """A system prompt. Raises Invalid."""
    return checked_text(text, field="system", most=SYSTEM_LENGTH)


def checked_window(limit: object) -> int | None:
    """A context window limit in tokens, or None for the model's own. Raises Invalid."""
    if limit is None:
        return None
    if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= CONTEXT_WINDOW:
        raise Invalid(
            f"The context window limit is a whole number of tokens from 1 to {CONTEXT_WINDOW:,}.",
            field="context_window_limit",
        )
    return limit


@dataclass(frozen=True, slots=True)
class AgentColumns:
    """The columns of an agent and of its wide part, checked and ready to store."""

    narrow: dict[str, Any]
    wide: dict[str, Any]


def columns_of(spec: NewAgent) -> AgentColumns:
    """Check everything of a new agent but its tags. Raises Invalid or BadRequest."""
    _check_origin(spec)
    llm, embedding_base = spec.llm_config or {}, spec.embedding_config or {}
    handle = spec.model or handles.model_handle(llm)
    if not handle:
        raise BadRequest(
            "INVALID_ARGUMENT: Must specify either model or llm_config in request", field="model"
        )
    model = handles.require_model(handle)
    embedding = handles.require_embedding(
        spec.embedding or handles.embedding_handle(embedding_base)
    )
    given = spec.context_window_limit
    window = checked_window(handles.own_window(llm) if given is None else given)
    narrow = {
        "name": checked_name(spec.name if spec.name is not None else default_name()),
        "description": checked_description(spec.description),
        "model": model,
        "embedding": embedding,
        "context_window_limit": window,
    }
    wide = {
        "system": checked_system(spec.system),
        "llm_config": stored(handles.llm_config(model, window, llm), field="llm_config"),
        "embedding_config": stored(
            handles.embedding_config(embedding, embedding_base), field="embedding_config"
        ),
        "metadata": stored(spec.metadata, field="metadata"),
        "extra": stored_extra(spec.extra, EXTRA_DEFAULTS),
        "imported_from": spec.imported_from,
    }
    return AgentColumns(narrow, wide)


def stored_extra(extra: dict[str, Any], defaults: dict[str, Any]) -> str:
    """The JSON text to store: of the names in `defaults` those that say otherwise. Raises Invalid."""
    known = {name: extra[name] for name in defaults if name in extra}
    return stored(
        {name: value for name, value in known.items() if value != defaults[name]}, field="extra"
    )


def _check_origin(spec: NewAgent) -> None:
    """An id and times that came from elsewhere: the id stands in URLs, the times make the key."""
    if spec.public_id is not None and not _PUBLIC_ID.fullmatch(spec.public_id):
        raise Invalid("An agent's ID is “agent-” and a lower-case UUID.", field="id")
    for name in ("created_at", "updated_at"):
        moment: datetime | None = getattr(spec, name)
        if moment is not None and moment.utcoffset() is None:
            raise Invalid(f"{name} needs a time zone.", field=name)


def checked_block(block: NewBlock) -> dict[str, Any]:
    """The columns of a new memory block. Raises Invalid."""
    label = checked_text(block.label, field="label", most=BLOCK_LABEL_LENGTH)
    if not label:
        raise Invalid("A memory block needs a label.", field="label")
    limit = BLOCK_LIMIT_DEFAULT if block.limit is None else block.limit
    return {
        "label": label,
        "limit": checked_block_limit(limit),
        "value": checked_block_value(block.value, limit=limit),
        "description": checked_description(block.description),
        "read_only": block.read_only,
        "metadata": stored(block.metadata or {}, field="metadata"),
        "extra": stored_extra(block.extra, BLOCK_EXTRA_DEFAULTS),
    }


def checked_block_limit(limit: object) -> int:
    """The most characters a block's value may have. Raises Invalid."""
    if (
        not isinstance(limit, int)
        or isinstance(limit, bool)
        or not 1 <= limit <= BLOCK_VALUE_LENGTH
    ):
        raise Invalid(
            f"A block's limit is a whole number of characters from 1 to {BLOCK_VALUE_LENGTH:,}.",
            field="limit",
        )
    return limit


def checked_block_value(value: object, *, limit: int) -> str:
    """A block's value, within the block's own limit. Raises Invalid."""
    return checked_text(value, field="value", most=limit)


def checked_blocks(blocks: list[NewBlock]) -> list[dict[str, Any]]:
    """The columns of an agent's new blocks; labels are unique within the agent."""
    if len(blocks) > BLOCKS_PER_AGENT:
        raise Invalid(
            f"An agent has at most {BLOCKS_PER_AGENT} memory blocks.", field="memory_blocks"
        )
    columns = [checked_block(block) for block in blocks]
    labels = [column["label"] for column in columns]
    if len(set(labels)) < len(labels):
        raise Invalid("Two memory blocks have the same label.", field="memory_blocks")
    return columns
