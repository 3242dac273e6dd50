"""Files that describe one agent, rewritten in the current form of agent files.

Three kinds are in use: the form that Letta wrote before `agents` and `blocks` (`core_memory`), an
agent as a Letta server's API answers it (`blocks` or `memory`), and a record of a local Letta Code
folder (`~/.letta/lc-local-backend/agents/*.json`).
"""

from typing import Any

from agents.domain.agents.model_handles import split_handle

# Enough of these makes an object an agent; no other JSON that people keep beside agents has two.
_SIGNS = (
    "core_memory", "system", "llm_config", "model", "tags", "memory", "blocks", "memory_blocks",
    "agent_type", "model_settings",
)  # fmt: skip
_LEGACY = "core_memory"
# Where the memory blocks of an agent can be, in the order of trust.
_MEMORY = ("core_memory", "blocks", "memory_blocks", "memory")
# Parts that belong to the file, not to the agent, in the current form.
_PARTS = ("tools", "sources", "files", "groups")


def is_single_agent(value: dict[str, Any]) -> bool:
    """Tell whether an object without `agents` describes an agent itself."""
    if not isinstance(value.get("name"), str):
        return False
    return _LEGACY in value or sum(sign in value for sign in _SIGNS) > 1


def current_form(value: dict[str, Any]) -> dict[str, Any]:
    """The same agent as a file of the current form; what is not understood stays as it is."""
    agent = {name: item for name, item in value.items() if name not in (*_MEMORY, *_PARTS)}
    agent["id"] = str(value.get("id") or "agent-0")
    if "metadata" not in agent:
        agent["metadata"] = agent.pop("metadata_", None)
    agent["tags"] = tag_names(value.get("tags"))
    blocks = next((found for name in _MEMORY if (found := block_list(value.get(name)))), [])
    for number, block in enumerate(blocks):
        block["id"] = f"block-{number}"
    agent["block_ids"] = [block["id"] for block in blocks]
    _settle_model(agent)
    parts = {name: value[name] for name in _PARTS if value.get(name)}
    if value.get("multi_agent_group"):
        parts["groups"] = [value["multi_agent_group"]]
    return {"agents": [agent], "blocks": blocks, **parts}


def tag_names(tags: Any) -> Any:
    """The names of tags, which older forms write as objects: `{"tag": "user_1"}`."""
    if not isinstance(tags, list):
        return tags
    return [_tag_name(tag) for tag in tags]


def _tag_name(tag: Any) -> Any:
    if not isinstance(tag, dict):
        return tag
    return next((tag[key] for key in ("tag", "name") if key in tag), tag)


def block_list(memory: Any) -> list[dict[str, Any]]:
    """Memory blocks from any form: a list, blocks by label, texts by label, or one level around."""
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
    # Besides blocks such an object holds a prompt template, as a text or null.
    return {"label": label, **item} if isinstance(item, dict) else None


def _block(item: dict[str, Any]) -> dict[str, Any]:
    block = dict(item)
    if "metadata" not in block:
        block["metadata"] = block.pop("metadata_", None)
    if block.get("value") is None:
        block["value"] = ""
    return block


def _settle_model(agent: dict[str, Any]) -> None:
    """Give a model without a provider one: Letta Code checks no handle, ADE wants provider/name."""
    settings = agent.get("model_settings")
    settings = settings if isinstance(settings, dict) else {}
    model = agent.get("model")
    if isinstance(model, str) and model and not split_handle(model):
        provider = settings.get("provider_type")
        agent["model"] = (
            f"{provider if isinstance(provider, str) and provider else 'local'}/{model}"
        )
    window = settings.get("context_window_limit")
    if agent.get("context_window_limit") is None and isinstance(window, int):
        agent["context_window_limit"] = window
