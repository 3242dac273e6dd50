"""Rewrite agents in other forms to the current form of agent files.

Three kinds are in use: the form that Letta wrote before `agents` and `blocks` (`core_memory`), an
agent as a Letta server's API returns it (`blocks` or `memory`), and a record of a local Letta Code
folder (`~/.letta/lc-local-backend/agents/*.json`).
"""

from typing import Any

from agents.domain.agents.model_handles import embedding_handle, model_handle, split_handle

# An object with enough of these is an agent: two if it has a name, else three. Other JSON that people
# store beside agents has fewer.
_SIGNS = (
    "core_memory", "system", "llm_config", "model", "tags", "memory", "blocks", "memory_blocks",
    "agent_type", "model_settings",
)  # fmt: skip
_LEGACY = "core_memory"
# Where the memory blocks of an agent can be, in the order of trust.
_MEMORY = ("core_memory", "blocks", "memory_blocks", "memory")
# The name of an agent that has none in its file.
UNNAMED = "Unnamed agent"
# Parts that belong to the file, not to the agent, in the current form.
_PARTS = ("tools", "sources", "files", "groups")


def is_single_agent(value: dict[str, Any]) -> bool:
    """True if an object without `agents` describes an agent itself."""
    least = 2 if isinstance(value.get("name"), str) else 3
    return sum(sign in value for sign in _SIGNS) >= least or (_LEGACY in value and least == 2)


def current_form(value: dict[str, Any]) -> dict[str, Any]:
    """Return the agent as a file of the current form; unknown parts stay unchanged."""
    agent = {name: item for name, item in value.items() if name not in (*_MEMORY, *_PARTS)}
    agent["id"] = str(value.get("id") or "agent-0")
    if "metadata" not in agent:
        agent["metadata"] = agent.pop("metadata_", None)
    agent["tags"] = tag_names(value.get("tags"))
    blocks = memory_of(value)
    for number, block in enumerate(blocks):
        block["id"] = f"block-{number}"
    agent["block_ids"] = [block["id"] for block in blocks]
    complete(agent, 0)
    window = _object(agent, "model_settings").get("context_window_limit")
    if agent.get("context_window_limit") is None and isinstance(window, int):
        agent["context_window_limit"] = window
    parts = {name: value[name] for name in _PARTS if value.get(name)}
    if value.get("multi_agent_group"):
        parts["groups"] = [value["multi_agent_group"]]
    return {"agents": [agent], "blocks": blocks, **parts}


def listed_form(values: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a file of several such agents, as a Letta server lists them. Shared blocks stay shared."""
    whole: dict[str, list[Any]] = {"agents": [], "blocks": []}
    seen: dict[str, str] = {}
    for number, value in enumerate(values):
        file = current_form({**value, "id": f"agent-{number}"})
        for place, given in enumerate(memory_of(value)):
            key = given.get("id") or f"{number}-{place}"
            file["blocks"][place]["id"] = seen.setdefault(str(key), f"block-{len(seen)}")
        file["agents"][0]["block_ids"] = [block["id"] for block in file["blocks"]]
        for name, items in file.items():
            whole.setdefault(name, []).extend(items if isinstance(items, list) else [])
    return whole


def memory_of(value: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the memory blocks inside an agent."""
    return next((found for name in _MEMORY if (found := block_list(value.get(name)))), [])


def complete(agent: dict[str, Any], number: int) -> None:
    """Add what an agent needs and its file does not contain: id, name, providers of handles."""
    if not isinstance(agent.get("id"), str):
        agent["id"] = f"agent-{number}"
    name = agent.get("name")
    if name is None or (isinstance(name, str) and not name.strip()):
        agent["name"] = UNNAMED
    _settle_model(agent)
    _settle_embedding(agent)


def tag_names(tags: Any) -> Any:
    """Return the names of tags, which older forms write as objects: `{"tag": "user_1"}`."""
    if not isinstance(tags, list):
        return tags
    return [_tag_name(tag) for tag in tags]


def _tag_name(tag: Any) -> Any:
    if not isinstance(tag, dict):
        return tag
    return next((tag[key] for key in ("tag", "name") if key in tag), tag)


def block_list(memory: Any) -> list[dict[str, Any]]:
    """Return memory blocks in any form: a list, blocks by label, texts by label, or any of these one level deeper."""
    if isinstance(memory, dict):
        inner = next((memory[key] for key in ("blocks", "memory") if key in memory), None)
        if isinstance(inner, list | dict):
            return block_list(inner)
        memory = [_labelled(label, item) for label, item in memory.items()]
    if not isinstance(memory, list):
        return []
    return [_block(item) for item in memory if isinstance(item, dict) and "label" in item]


def _labelled(label: str, item: Any) -> Any:
    if isinstance(item, str):
        return {"label": label, "value": item}
    # Besides blocks, such an object contains a prompt template, as a text or null.
    return {"label": label, **item} if isinstance(item, dict) else None


def _block(item: dict[str, Any]) -> dict[str, Any]:
    block = dict(item)
    if "metadata" not in block:
        block["metadata"] = block.pop("metadata_", None)
    if block.get("value") is None:
        block["value"] = ""
    return block


def _settle_model(agent: dict[str, Any]) -> None:
    """Add a provider to a model without one: Letta Code checks no handle, ADE requires provider/name."""
    settings, config = _object(agent, "model_settings"), _object(agent, "llm_config")
    model = agent.get("model") or (None if model_handle(config) else config.get("model"))
    if isinstance(model, str) and model and not split_handle(model):
        named = model_handle(config) or ""
        provider = settings.get("provider_type")
        provider = provider if isinstance(provider, str) and provider else "local"
        agent["model"] = named if named.endswith(f"/{model}") else f"{provider}/{model}"


def _settle_embedding(agent: dict[str, Any]) -> None:
    config = _object(agent, "embedding_config")
    known = embedding_handle(config)
    embedding = agent.get("embedding") or (None if known else config.get("embedding_model"))
    if isinstance(embedding, str) and embedding and not split_handle(embedding):
        named = known or ""
        agent["embedding"] = named if named.endswith(f"/{embedding}") else f"local/{embedding}"


def _object(agent: dict[str, Any], name: str) -> dict[str, Any]:
    value = agent.get(name)
    return value if isinstance(value, dict) else {}
