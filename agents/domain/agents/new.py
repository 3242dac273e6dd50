"""A new agent and its checks: text, limits, handles, defaults."""

import random
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from agents.core.agent_ids import is_agent_id
from agents.core.errors import BadRequest, Invalid
from agents.core.json_text import checked_json
from agents.core.limits import (
    CONTEXT_WINDOW,
    SYSTEM_LENGTH,
)
from agents.domain.agents import model_handles
from agents.domain.agents.client_fields import to_store
from agents.domain.agents.letta_fields import STORED_DEFAULTS
from agents.domain.agents.model_settings import settle, without_derived
from agents.domain.core.checks import checked_description, checked_extra, checked_name, checked_text
from agents.domain.memory.new import NewBlock

_FIRST = "Amber Brisk Calm Clever Dapper Eager Fabled Gentle Humble Jolly Keen Lively Mellow Nimble"
_SECOND = "Acorn Badger Cedar Dolphin Falcon Heron Juniper Lantern Magpie Otter Pebble Robin Willow"


@dataclass(frozen=True, slots=True)
class NewAgent:
    """An agent to create. `model` or `llm_config` is required."""

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
    # Names of fields of the request that ADE does not store, for history.
    not_kept: tuple[str, ...] = ()


def default_name() -> str:
    """Return a random name for an agent without one. Names need not be unique."""
    return random.choice(_FIRST.split()) + random.choice(_SECOND.split())  # noqa: S311 no secret


def checked_system(text: object) -> str:
    """Return a system prompt if it is legal. Raises Invalid."""
    return checked_text(text, field="system", most=SYSTEM_LENGTH)


def checked_window(limit: object) -> int | None:
    """Return a context window limit in tokens, or None for the model's default. Raises Invalid."""
    if limit is None:
        return None
    if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= CONTEXT_WINDOW:
        raise Invalid(
            f"The context window limit must be a whole number of tokens from 1 to {CONTEXT_WINDOW:,}.",
            field="context_window_limit",
        )
    return limit


@dataclass(frozen=True, slots=True)
class AgentColumns:
    """Checked columns of an agent and of its details."""

    agent: dict[str, Any]
    detail: dict[str, Any]


def columns_of(spec: NewAgent) -> AgentColumns:
    """Check a new agent, except its tags. Raises Invalid or BadRequest."""
    _check_origin(spec)
    llm, embedding_base = spec.llm_config or {}, spec.embedding_config or {}
    handle = spec.model or model_handles.model_handle(llm)
    if not handle:
        raise BadRequest(
            "INVALID_ARGUMENT: Must specify either model or llm_config in request", field="model"
        )
    model = model_handles.require_model(handle)
    embedding = model_handles.require_embedding(
        spec.embedding or model_handles.embedding_handle(embedding_base)
    )
    given = spec.context_window_limit
    window = checked_window(model_handles.own_window(llm) if given is None else given)
    config = model_handles.llm_config(model, window, llm)
    fields = without_derived(spec.extra, config)
    extra = to_store(fields, {})
    said = fields | ({} if spec.llm_config is None else {"llm_config": llm})
    extra = settle(config, extra, said)
    agent = {
        "name": checked_name(spec.name if spec.name is not None else default_name()),
        "description": checked_description(spec.description),
        "model": model,
        "embedding": embedding,
        "context_window_limit": window,
        "hidden": bool(extra.get("hidden")),
    }
    detail = {
        "system": checked_system(spec.system),
        "llm_config": checked_json(config, field="llm_config"),
        "embedding_config": checked_json(
            model_handles.embedding_config(embedding, embedding_base), field="embedding_config"
        ),
        "metadata": checked_json(spec.metadata, field="metadata"),
        "extra": checked_extra(extra, STORED_DEFAULTS),
        "imported_from": spec.imported_from,
    }
    return AgentColumns(agent, detail)


def _check_origin(spec: NewAgent) -> None:
    """Check an imported id, which is used in URLs, and imported times, which make the primary key."""
    if spec.public_id is not None and not is_agent_id(spec.public_id):
        raise Invalid("An agent's ID must be “agent-” and a lower-case UUID.", field="id")
    for name in ("created_at", "updated_at"):
        moment: datetime | None = getattr(spec, name)
        if moment is not None and moment.utcoffset() is None:
            raise Invalid(f"{name} needs a time zone, such as 2026-01-31T12:00:00Z.", field=name)
