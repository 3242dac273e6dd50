"""Parse the bytes of an agent file into the current form. Sizes are checked before values are created."""

import json
from typing import Any

import msgspec
from django.conf import settings

from agents.core.errors import Invalid, LimitExceeded
from agents.core.json_text import size_problem
from agents.domain.transfer.single_agent import (
    block_list,
    complete,
    current_form,
    is_single_agent,
    listed_form,
    memory_of,
    tag_names,
)

_WRAPPED = 3  # times that a file can be JSON inside a JSON string


class NoAgentFile(Invalid):
    """JSON that describes no agent."""


def decoded(data: bytes) -> dict[str, Any]:
    """Return the object in the file."""
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if len(data) > most:
        raise LimitExceeded(f"is {len(data):,} bytes; the limit is {most:,}.")
    if not data.strip():
        raise Invalid("is empty.")
    value = _json(_utf8(data))
    for _ in range(_WRAPPED):
        if isinstance(value, str):
            value = _json(value.removeprefix("\ufeff").encode())
    if _are_agents(value):
        return listed_form(value)
    if not isinstance(value, dict):
        raise Invalid(f"is no agent file: it contains {_kind(value)}, not an object.")
    if "agents" in value:
        return _current(value)
    if not is_single_agent(value):
        raise NoAgentFile(
            "is no agent file: it has neither “agents” nor the fields of a single agent."
        )
    return current_form(value)


def _are_agents(value: Any) -> bool:
    if not isinstance(value, list) or not value:
        return False
    return all(isinstance(item, dict) and is_single_agent(item) for item in value)


def _utf8(data: bytes) -> bytes:
    """Return the text as UTF-8 without a byte order mark. PowerShell's `>` writes UTF-16."""
    encoding = json.detect_encoding(data)
    if encoding == "utf-8":
        return data
    try:
        text = data.decode(encoding)
        return text.removeprefix("\ufeff").encode()
    except UnicodeError as error:
        name = encoding.upper().removesuffix("-SIG")
        raise Invalid(f"looks like {name} text, but cannot be read as such: {error}.") from error


def _current(value: dict[str, Any]) -> dict[str, Any]:
    """Return the file with blocks inside an agent moved to the others, and with nulls filled in."""
    blocks = [] if value.get("blocks") is None else value["blocks"]
    if not isinstance(value["agents"], list) or not isinstance(blocks, list):
        return value  # refused when its types are checked
    agents, blocks = [], [_with_value(block) for block in blocks]
    for number, given in enumerate(value["agents"]):
        agent = dict(given) if isinstance(given, dict) else given
        inline = _inline_blocks(given)
        for place, block in enumerate(inline):
            block["id"] = f"inline-{number}-{place}"
        if isinstance(agent, dict):
            complete(agent, number)
            if "tags" in agent:
                agent["tags"] = tag_names(agent["tags"])
        if inline:
            for name in ("core_memory", "blocks", "memory"):
                agent.pop(name, None)
            keys = [*(agent.get("block_ids") or []), *(block["id"] for block in inline)]
            agent, blocks = {**agent, "block_ids": keys}, [*blocks, *inline]
        agents.append(agent)
    return {**value, "agents": agents, "blocks": blocks}


def _inline_blocks(agent: Any) -> list[dict[str, Any]]:
    if not isinstance(agent, dict):
        return []
    # If there is `block_ids`, the other places contain copies of the blocks that it names.
    return block_list(agent.get("memory_blocks")) if agent.get("block_ids") else memory_of(agent)


def _with_value(block: Any) -> Any:
    if isinstance(block, dict) and "value" in block and block["value"] is None:
        return {**block, "value": ""}
    return block


def _json(data: bytes) -> Any:
    if problem := size_problem(data):
        raise Invalid(f"{problem}.")
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"is not valid JSON: {error}.") from error


def _kind(value: object) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
