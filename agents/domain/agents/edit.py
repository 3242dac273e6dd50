"""Edit the fields of an agent. UNSET fields stay as they are."""

from dataclasses import dataclass, field, fields
from typing import Any

from agents.core.errors import Invalid
from agents.core.json_text import checked_json, loads
from agents.core.tag_text import fold
from agents.domain.agents import model_handles
from agents.domain.agents.client_fields import to_store
from agents.domain.agents.letta_fields import STORED_DEFAULTS
from agents.domain.agents.model_settings import settle, without_derived
from agents.domain.agents.new import checked_system, checked_window
from agents.domain.core import search_index
from agents.domain.core.checks import checked_description, checked_extra, checked_name
from agents.domain.core.record import Entry
from agents.domain.core.unset import UNSET
from agents.models import Agent, AgentDetail, Op


@dataclass(frozen=True, slots=True)
class AgentEdit:
    """New values for the fields of an agent. UNSET fields stay as they are."""

    name: Any = UNSET
    description: Any = UNSET
    model: Any = UNSET
    embedding: Any = UNSET
    context_window_limit: Any = UNSET
    system: Any = UNSET
    llm_config: Any = UNSET
    embedding_config: Any = UNSET
    metadata: Any = UNSET
    extra: dict[str, Any] = field(default_factory=dict)

    def given(self) -> dict[str, Any]:
        """The fields to set, without `extra`."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "extra"}
        return {name: value for name, value in values.items() if value is not UNSET}


def apply(edit: AgentEdit, agent: Agent) -> list[Entry]:
    """Set the fields of a locked agent and save its details. The caller saves the agent.

    Returns the changes for history. Raises Invalid or BadRequest.
    """
    given = edit.given()
    if not given and not edit.extra:
        return []
    detail = AgentDetail.objects.get(agent=agent)
    before = _values(agent, detail)
    _set_plain(given, agent, detail)
    _set_model(given, edit.extra, agent, detail)
    _set_embedding(given, agent, detail)
    after = _values(agent, detail)
    changed = [name for name, value in after.items() if value != before[name]]
    if changed:
        detail.save()
    if "name" in changed:
        agent.name_folded = fold(agent.name)
        search_index.index_rows(search_index.AGENT_INDEX, [(agent.seq, agent.name_folded)])
    return [
        Entry(Op.SET, agent.public_id, agent.name, field=name, old=before[name], new=after[name])
        for name in changed
    ]


def _values(agent: Agent, detail: AgentDetail) -> dict[str, str | None]:
    """The fields as text, for history."""
    window = agent.context_window_limit
    return {
        "name": agent.name,
        "description": agent.description,
        "model": agent.model,
        "embedding": agent.embedding,
        "context_window_limit": None if window is None else str(window),
        "system": detail.system,
        "llm_config": detail.llm_config,
        "embedding_config": detail.embedding_config,
        "metadata": detail.metadata,
        "extra": detail.extra,
    }


def _set_plain(given: dict[str, Any], agent: Agent, detail: AgentDetail) -> None:
    if "name" in given:
        agent.name = checked_name(given["name"])
    if "description" in given:
        agent.description = checked_description(given["description"])
    if "system" in given:
        detail.system = checked_system(given["system"])
    if "metadata" in given:
        detail.metadata = checked_json(given["metadata"], field="metadata")


def _set_model(
    given: dict[str, Any], fields: dict[str, Any], agent: Agent, detail: AgentDetail
) -> None:
    """Set the model and the stored fields, so that model, window, llm_config and model_settings agree.

    llm_config, model and context window are set in this order: the last one wins.
    """
    if not fields and not given.keys() & {"model", "context_window_limit", "llm_config"}:
        return
    old_model = agent.model
    stored = loads(detail.extra)
    base = _config(given.get("llm_config", UNSET), detail.llm_config, "llm_config")
    if "model_settings" not in stored:
        fields = without_derived(fields, base)
    extra = stored | to_store(fields, stored)
    if "llm_config" in given:
        agent.model = model_handles.require_model(model_handles.model_handle(base) or agent.model)
        if "context_window" in base:
            agent.context_window_limit = checked_window(model_handles.own_window(base))
    if "model" in given:
        agent.model = model_handles.require_model(given["model"])
    if "context_window_limit" in given:
        agent.context_window_limit = checked_window(given["context_window_limit"])
        # Without a limit the config gets the default, not the previous limit.
        base = {key: value for key, value in base.items() if key != "context_window"}
    config = model_handles.llm_config(agent.model, agent.context_window_limit, base)
    if "model_settings" not in fields and _is_of_other_provider(extra, old_model, agent.model):
        extra = {key: value for key, value in extra.items() if key != "model_settings"}
    said = fields | {name: given[name] for name in ("llm_config",) if name in given}
    extra = settle(config, extra, said)
    detail.llm_config = checked_json(config, field="llm_config")
    detail.extra = checked_extra(extra, STORED_DEFAULTS)
    agent.hidden = bool(extra.get("hidden"))


def _is_of_other_provider(extra: dict[str, Any], old_model: str, model: str) -> bool:
    """True if the stored model_settings describe the provider of the former model only."""
    provider = (extra.get("model_settings") or {}).get("provider_type")
    old, new = (handle.partition("/")[0] for handle in (old_model, model))
    return old != new and provider == old


def _set_embedding(given: dict[str, Any], agent: Agent, detail: AgentDetail) -> None:
    if not given.keys() & {"embedding", "embedding_config"}:
        return
    base = _config(
        given.get("embedding_config", UNSET), detail.embedding_config, "embedding_config"
    )
    if "embedding_config" in given:
        agent.embedding = model_handles.require_embedding(model_handles.embedding_handle(base))
    if "embedding" in given:
        agent.embedding = model_handles.require_embedding(given["embedding"])
    config = model_handles.embedding_config(agent.embedding, base)
    detail.embedding_config = checked_json(config, field="embedding_config")


def _config(value: Any, current: str, name: str) -> dict[str, Any]:
    """Return the given config, or the current one. Raises Invalid unless it is an object or null."""
    config = loads(current) if value is UNSET else value
    if config is not None and not isinstance(config, dict):
        raise Invalid(f"{name} must be an object.", field=name)
    return config or {}
