"""An edit of an agent's own fields: what is given is set, what is UNSET stays."""

from dataclasses import dataclass, field, fields
from typing import Any, Final

from agents.domain import handles, search
from agents.domain.history import Entry
from agents.domain.newagents import (
    EXTRA_DEFAULTS,
    checked_description,
    checked_name,
    checked_system,
    checked_window,
    stored_extra,
)
from agents.errors import Invalid
from agents.jsontext import loads, stored
from agents.models import Agent, AgentDetail, Op
from agents.tagnames import fold


class _Unset:
    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = _Unset()


@dataclass(frozen=True, slots=True)
class AgentEdit:
    """New values of an agent's fields; UNSET ones are left as they are."""

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
        """The fields that are to be set, without `extra`."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "extra"}
        return {name: value for name, value in values.items() if value is not UNSET}


def apply(edit: AgentEdit, agent: Agent) -> list[Entry]:
    """Set the fields on the locked agent and save its wide part; the caller saves the agent.

    Returns what changed, for history. Raises Invalid or BadRequest.
    """
    given = edit.given()
    if not given and not edit.extra:
        return []
    detail = AgentDetail.objects.get(agent=agent)
    before = _values(agent, detail)
    _set_plain(given, agent, detail)
    _set_model(given, agent, detail)
    _set_embedding(given, agent, detail)
    if edit.extra:
        detail.extra = stored_extra({**loads(detail.extra), **edit.extra}, EXTRA_DEFAULTS)
    after = _values(agent, detail)
    changed = [name for name, value in after.items() if value != before[name]]
    if changed:
        detail.save()
    if "name" in changed:
        agent.name_folded = fold(agent.name)
        search.index_rows(search.AGENT_INDEX, [(agent.seq, agent.name_folded)])
    return [
        Entry(Op.SET, agent.public_id, agent.name, field=name, old=before[name], new=after[name])
        for name in changed
    ]


def _values(agent: Agent, detail: AgentDetail) -> dict[str, str | None]:
    """The fields as text, as history keeps them."""
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
        detail.metadata = stored(given["metadata"], field="metadata")


def _set_model(given: dict[str, Any], agent: Agent, detail: AgentDetail) -> None:
    """Model, window and llm_config say the same thing; a later one of these wins over an earlier."""
    if not given.keys() & {"model", "context_window_limit", "llm_config"}:
        return
    base = _config(given.get("llm_config", UNSET), detail.llm_config, "llm_config")
    if "llm_config" in given:
        agent.model = handles.require_model(handles.model_handle(base) or agent.model)
        if "context_window" in base:
            agent.context_window_limit = checked_window(handles.own_window(base))
    if "model" in given:
        agent.model = handles.require_model(given["model"])
    if "context_window_limit" in given:
        agent.context_window_limit = checked_window(given["context_window_limit"])
        # Without a limit the config goes back to the default, not to the limit taken off.
        base = {key: value for key, value in base.items() if key != "context_window"}
    detail.llm_config = stored(
        handles.llm_config(agent.model, agent.context_window_limit, base), field="llm_config"
    )


def _set_embedding(given: dict[str, Any], agent: Agent, detail: AgentDetail) -> None:
    if not given.keys() & {"embedding", "embedding_config"}:
        return
    base = _config(
        given.get("embedding_config", UNSET), detail.embedding_config, "embedding_config"
    )
    if "embedding_config" in given:
        agent.embedding = handles.require_embedding(handles.embedding_handle(base))
    if "embedding" in given:
        agent.embedding = handles.require_embedding(given["embedding"])
    config = handles.embedding_config(agent.embedding, base)
    detail.embedding_config = stored(config, field="embedding_config")


def _config(value: Any, current: str, name: str) -> dict[str, Any]:
    """The config given, or the current one; a config is an object or null."""
    config = loads(current) if value is UNSET else value
    if config is not None and not isinstance(config, dict):
        raise Invalid(f"{name} must be an object.", field=name)
    return config or {}
